"""Flight SQL's commands for pyarrow, which has Flight but not its SQL: messages by hand."""

import struct

from pyarrow import flight

ANY = "type.googleapis.com/arrow.flight.protocol.sql."


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, value):
    """A text, bytes, a message that is encoded already, or a number."""
    if value is None:
        return b""
    if isinstance(value, bool) or isinstance(value, int):
        return varint(number << 3) + varint(int(value))
    if isinstance(value, str):
        value = value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


def fixed64(number, value):
    return varint(number << 3 | 1) + struct.pack("<q", value)


def message(name, *fields):
    body = b"".join(field(number, value) for number, value in fields)
    return field(1, ANY + name) + field(2, body)


def read(body):
    """The fields of a message: number to the values it has."""
    found, at = {}, 0

    def number():
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = body[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(body):
        key = number()
        if key & 7 == 0:
            value = number()
        elif key & 7 == 2:
            length = number()
            value = body[at : at + length]
            at += length
        else:
            size = 8 if key & 7 == 1 else 4
            value = body[at : at + size]
            at += size
        found.setdefault(key >> 3, []).append(value)
    return found


def unpack(result):
    """The message in the Any that an action answered with."""
    return read(read(result.body.to_pybytes())[2][0])


class Session:
    """What a client of Flight SQL does, over pyarrow's Flight client."""

    def __init__(self, url, user=None, password="", token=None, **options):
        self.client = flight.FlightClient(url, **options)
        headers = []
        if user is not None:
            token = self.client.authenticate_basic_token(user, password)
            headers = [token]
        elif token is not None:
            headers = [token]
        self.token = headers[0] if headers else None
        self.options = flight.FlightCallOptions(headers=headers)

    def info(self, command):
        return self.client.get_flight_info(
            flight.FlightDescriptor.for_command(command), self.options
        )

    def reader(self, command):
        ticket = self.info(command).endpoints[0].ticket
        return self.client.do_get(ticket, self.options)

    def table(self, command):
        return self.reader(command).read_all()

    def query(self, sql, transaction=None):
        return self.table(message("CommandStatementQuery", (1, sql), (2, transaction)))

    def rows(self, sql, transaction=None):
        table = self.query(sql, transaction)
        return list(zip(*(column.to_pylist() for column in table.columns)))

    def put(self, command, table):
        """Sends a table, and returns what the server counted."""
        descriptor = flight.FlightDescriptor.for_command(command)
        writer, reader = self.client.do_put(descriptor, table.schema, self.options)
        try:
            for batch in table.to_batches():
                writer.write_batch(batch)
            writer.done_writing()
            answer = reader.read()
            return read(answer.to_pybytes()).get(1, [0])[0] if answer else None
        finally:
            writer.close()

    def update(self, sql, transaction=None):
        import pyarrow as pa

        command = message("CommandStatementUpdate", (1, sql), (2, transaction))
        return self.put(command, pa.table({}))

    def action(self, kind, body):
        return list(self.client.do_action(flight.Action(kind, body), self.options))

    def begin(self):
        body = message("ActionBeginTransactionRequest")
        return unpack(self.action("BeginTransaction", body)[0])[1][0]

    def end(self, transaction, commit):
        body = message(
            "ActionEndTransactionRequest", (1, transaction), (2, 1 if commit else 2)
        )
        self.action("EndTransaction", body)

    def prepare(self, sql):
        body = message("ActionCreatePreparedStatementRequest", (1, sql))
        return unpack(self.action("CreatePreparedStatement", body)[0])

    def close(self):
        self.action("CloseSession", b"")
        self.client.close()
