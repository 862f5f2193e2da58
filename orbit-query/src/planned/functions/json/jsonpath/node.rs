//! A document taken apart.

use crate::planned::functions::json::span::{self, Kind};
use orbit_core::Result;
use orbit_core::value::Numeric;

#[derive(Clone, Debug)]
pub enum Node {
    Null,
    Bool(bool),
    Number(Numeric),
    String(String),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    pub fn read(text: &str) -> Result<Node> {
        let text = text.trim();
        Ok(match span::kind(text)? {
            Kind::Null => Node::Null,
            Kind::Bool => Node::Bool(text == "true"),
            Kind::Number => Node::Number(Numeric::parse(text)?),
            Kind::String => Node::String(span::string(text)?),
            Kind::Array => {
                let items = span::items(text)?.into_iter().map(Node::read);
                Node::Array(items.collect::<Result<_>>()?)
            }
            Kind::Object => {
                let members = span::members(text)?.into_iter();
                let members = members.map(|member| Ok((member.key, Node::read(member.value)?)));
                Node::Object(members.collect::<Result<_>>()?)
            }
        })
    }

    /// As jsonb writes it.
    pub fn shown(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Node::Null => out.push_str("null"),
            Node::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
            Node::Number(number) => {
                let mut bytes = Vec::new();
                number.write_to(&mut bytes);
                out.push_str(&String::from_utf8_lossy(&bytes));
            }
            Node::String(text) => out.push_str(&span::quote(text)),
            Node::Array(items) => {
                out.push('[');
                for (place, item) in items.iter().enumerate() {
                    if place > 0 {
                        out.push_str(", ");
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Node::Object(members) => {
                out.push('{');
                for (place, (key, value)) in members.iter().enumerate() {
                    if place > 0 {
                        out.push_str(", ");
                    }
                    out.push_str(&span::quote(key));
                    out.push_str(": ");
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    pub fn type_name(&self) -> &'static str {
        match self {
            Node::Null => "null",
            Node::Bool(_) => "boolean",
            Node::Number(_) => "number",
            Node::String(_) => "string",
            Node::Array(_) => "array",
            Node::Object(_) => "object",
        }
    }
}
