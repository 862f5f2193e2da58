//! SHA-2 and SHA-1, by FIPS 180-4.

use super::{Function, T, arg, function};
use orbit_core::value::Value;
use orbit_core::{Error, Result};

/// Cube roots of the first 64 primes, behind the point.
#[rustfmt::skip]
const ROUNDS_32: [u32; 64] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5,
    0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3,
    0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc,
    0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7,
    0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13,
    0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3,
    0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5,
    0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208,
    0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
];

/// Of the first 80, more digits.
#[rustfmt::skip]
const ROUNDS_64: [u64; 80] = [
    0x428a_2f98_d728_ae22, 0x7137_4491_23ef_65cd, 0xb5c0_fbcf_ec4d_3b2f, 0xe9b5_dba5_8189_dbbc,
    0x3956_c25b_f348_b538, 0x59f1_11f1_b605_d019, 0x923f_82a4_af19_4f9b, 0xab1c_5ed5_da6d_8118,
    0xd807_aa98_a303_0242, 0x1283_5b01_4570_6fbe, 0x2431_85be_4ee4_b28c, 0x550c_7dc3_d5ff_b4e2,
    0x72be_5d74_f27b_896f, 0x80de_b1fe_3b16_96b1, 0x9bdc_06a7_25c7_1235, 0xc19b_f174_cf69_2694,
    0xe49b_69c1_9ef1_4ad2, 0xefbe_4786_384f_25e3, 0x0fc1_9dc6_8b8c_d5b5, 0x240c_a1cc_77ac_9c65,
    0x2de9_2c6f_592b_0275, 0x4a74_84aa_6ea6_e483, 0x5cb0_a9dc_bd41_fbd4, 0x76f9_88da_8311_53b5,
    0x983e_5152_ee66_dfab, 0xa831_c66d_2db4_3210, 0xb003_27c8_98fb_213f, 0xbf59_7fc7_beef_0ee4,
    0xc6e0_0bf3_3da8_8fc2, 0xd5a7_9147_930a_a725, 0x06ca_6351_e003_826f, 0x1429_2967_0a0e_6e70,
    0x27b7_0a85_46d2_2ffc, 0x2e1b_2138_5c26_c926, 0x4d2c_6dfc_5ac4_2aed, 0x5338_0d13_9d95_b3df,
    0x650a_7354_8baf_63de, 0x766a_0abb_3c77_b2a8, 0x81c2_c92e_47ed_aee6, 0x9272_2c85_1482_353b,
    0xa2bf_e8a1_4cf1_0364, 0xa81a_664b_bc42_3001, 0xc24b_8b70_d0f8_9791, 0xc76c_51a3_0654_be30,
    0xd192_e819_d6ef_5218, 0xd699_0624_5565_a910, 0xf40e_3585_5771_202a, 0x106a_a070_32bb_d1b8,
    0x19a4_c116_b8d2_d0c8, 0x1e37_6c08_5141_ab53, 0x2748_774c_df8e_eb99, 0x34b0_bcb5_e19b_48a8,
    0x391c_0cb3_c5c9_5a63, 0x4ed8_aa4a_e341_8acb, 0x5b9c_ca4f_7763_e373, 0x682e_6ff3_d6b2_b8a3,
    0x748f_82ee_5def_b2fc, 0x78a5_636f_4317_2f60, 0x84c8_7814_a1f0_ab72, 0x8cc7_0208_1a64_39ec,
    0x90be_fffa_2363_1e28, 0xa450_6ceb_de82_bde9, 0xbef9_a3f7_b2c6_7915, 0xc671_78f2_e372_532b,
    0xca27_3ece_ea26_619c, 0xd186_b8c7_21c0_c207, 0xeada_7dd6_cde0_eb1e, 0xf57d_4f7f_ee6e_d178,
    0x06f0_67aa_7217_6fba, 0x0a63_7dc5_a2c8_98a6, 0x113f_9804_bef9_0dae, 0x1b71_0b35_131c_471b,
    0x28db_77f5_2304_7d84, 0x32ca_ab7b_40c7_2493, 0x3c9e_be0a_15c9_bebc, 0x431d_67c4_9c10_0d4c,
    0x4cc5_d4be_cb3e_42b6, 0x597f_299c_fc65_7e2a, 0x5fcb_6fab_3ad6_faec, 0x6c44_198c_4a47_5817,
];

/// Square roots of the ninth prime and those after it, their second halves.
#[rustfmt::skip]
const START_224: [u32; 8] = [
    0xc105_9ed8, 0x367c_d507, 0x3070_dd17, 0xf70e_5939,
    0xffc0_0b31, 0x6858_1511, 0x64f9_8fa7, 0xbefa_4fa4,
];

/// Of the first eight primes.
#[rustfmt::skip]
const START_256: [u32; 8] = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a,
    0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
];

/// Of the ninth prime and those after it.
#[rustfmt::skip]
const START_384: [u64; 8] = [
    0xcbbb_9d5d_c105_9ed8, 0x629a_292a_367c_d507, 0x9159_015a_3070_dd17, 0x152f_ecd8_f70e_5939,
    0x6733_2667_ffc0_0b31, 0x8eb4_4a87_6858_1511, 0xdb0c_2e0d_64f9_8fa7, 0x47b5_481d_befa_4fa4,
];

/// Of the first eight primes, more digits.
#[rustfmt::skip]
const START_512: [u64; 8] = [
    0x6a09_e667_f3bc_c908, 0xbb67_ae85_84ca_a73b, 0x3c6e_f372_fe94_f82b, 0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1, 0x9b05_688c_2b3e_6c1f, 0x1f83_d9ab_fb41_bd6b, 0x5be0_cd19_137e_2179,
];

/// How far the bits of a step are turned, and by the last of each schedule's shifted.
struct Turns {
    sums: [[u32; 3]; 2],
    schedule: [[u32; 3]; 2],
}

const TURNS_32: Turns = Turns {
    sums: [[6, 11, 25], [2, 13, 22]],
    schedule: [[7, 18, 3], [17, 19, 10]],
};

const TURNS_64: Turns = Turns {
    sums: [[14, 18, 41], [28, 34, 39]],
    schedule: [[1, 8, 7], [19, 61, 6]],
};

macro_rules! digest {
    ($name:ident, $word:ty, $rounds:ident, $turns:ident, $length:ty) => {
        fn $name(input: &[u8], start: [$word; 8]) -> Result<[$word; 8]> {
            const WORD: usize = size_of::<$word>();
            const BLOCK: usize = 16 * WORD;
            let mut message = input.to_vec();
            message.push(0x80);
            while message.len() % BLOCK != BLOCK - 2 * WORD {
                message.push(0);
            }
            let bits = (input.len() as $length).wrapping_mul(8);
            message.extend_from_slice(&bits.to_be_bytes());
            let mut sums = start;
            for block in message.chunks_exact(BLOCK) {
                let mut words: [$word; $rounds.len()] = [0; $rounds.len()];
                for (word, bytes) in words.iter_mut().zip(block.chunks_exact(WORD)) {
                    let bytes = bytes.try_into();
                    *word = <$word>::from_be_bytes(
                        bytes.map_err(|_| Error::internal("a block of SHA-2"))?,
                    );
                }
                let mix = |x: $word, [one, two, shift]: [u32; 3]| {
                    x.rotate_right(one) ^ x.rotate_right(two) ^ (x >> shift)
                };
                for i in 16..words.len() {
                    words[i] = words[i - 16]
                        .wrapping_add(mix(words[i - 15], $turns.schedule[0]))
                        .wrapping_add(words[i - 7])
                        .wrapping_add(mix(words[i - 2], $turns.schedule[1]));
                }
                let turned = |x: $word, [one, two, three]: [u32; 3]| {
                    x.rotate_right(one) ^ x.rotate_right(two) ^ x.rotate_right(three)
                };
                let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = sums;
                for (word, constant) in words.iter().zip($rounds) {
                    let chosen = (e & f) ^ (!e & g);
                    let first = h
                        .wrapping_add(turned(e, $turns.sums[0]))
                        .wrapping_add(chosen)
                        .wrapping_add(constant)
                        .wrapping_add(*word);
                    let majority = (a & b) ^ (a & c) ^ (b & c);
                    let second = turned(a, $turns.sums[1]).wrapping_add(majority);
                    (h, g, f, e) = (g, f, e, d.wrapping_add(first));
                    (d, c, b, a) = (c, b, a, first.wrapping_add(second));
                }
                for (sum, add) in sums.iter_mut().zip([a, b, c, d, e, f, g, h]) {
                    *sum = sum.wrapping_add(add);
                }
            }
            Ok(sums)
        }
    };
}

digest!(of_32, u32, ROUNDS_32, TURNS_32, u64);
digest!(of_64, u64, ROUNDS_64, TURNS_64, u128);

pub(super) fn sha224(input: &[u8]) -> Result<Vec<u8>> {
    let sums = of_32(input, START_224)?;
    Ok(sums
        .iter()
        .take(7)
        .flat_map(|sum| sum.to_be_bytes())
        .collect())
}

pub(super) fn sha256(input: &[u8]) -> Result<Vec<u8>> {
    let sums = of_32(input, START_256)?;
    Ok(sums.iter().flat_map(|sum| sum.to_be_bytes()).collect())
}

pub(super) fn sha384(input: &[u8]) -> Result<Vec<u8>> {
    let sums = of_64(input, START_384)?;
    Ok(sums
        .iter()
        .take(6)
        .flat_map(|sum| sum.to_be_bytes())
        .collect())
}

pub(super) fn sha512(input: &[u8]) -> Result<Vec<u8>> {
    let sums = of_64(input, START_512)?;
    Ok(sums.iter().flat_map(|sum| sum.to_be_bytes()).collect())
}

/// SHA-1, for who asks for it by name.
pub(super) fn sha1(input: &[u8]) -> Result<Vec<u8>> {
    let mut message = input.to_vec();
    message.push(0x80);
    while message.len() % 64 != 56 {
        message.push(0);
    }
    message.extend_from_slice(&(input.len() as u64).wrapping_mul(8).to_be_bytes());
    let mut sums: [u32; 5] = [
        0x6745_2301,
        0xefcd_ab89,
        0x98ba_dcfe,
        0x1032_5476,
        0xc3d2_e1f0,
    ];
    for block in message.chunks_exact(64) {
        let mut words = [0u32; 80];
        for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
            let bytes = bytes.try_into();
            *word = u32::from_be_bytes(bytes.map_err(|_| Error::internal("a block of SHA-1"))?);
        }
        for i in 16..words.len() {
            let mixed = words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16];
            words[i] = mixed.rotate_left(1);
        }
        let [mut a, mut b, mut c, mut d, mut e] = sums;
        for (round, word) in words.iter().enumerate() {
            let (chosen, constant) = match round / 20 {
                0 => ((b & c) | (!b & d), 0x5a82_7999),
                1 => (b ^ c ^ d, 0x6ed9_eba1),
                2 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6u32),
            };
            let next = a
                .rotate_left(5)
                .wrapping_add(chosen)
                .wrapping_add(e)
                .wrapping_add(constant)
                .wrapping_add(*word);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
        }
        for (sum, add) in sums.iter_mut().zip([a, b, c, d, e]) {
            *sum = sum.wrapping_add(add);
        }
    }
    Ok(sums.iter().flat_map(|sum| sum.to_be_bytes()).collect())
}

pub const FUNCTIONS: &[Function] = &[
    function("sha224", &[T::Bytea], T::Bytea, |args, _| {
        sha224(arg::bytes(args, 0)?).map(Value::Bytea)
    }),
    function("sha256", &[T::Bytea], T::Bytea, |args, _| {
        sha256(arg::bytes(args, 0)?).map(Value::Bytea)
    }),
    function("sha384", &[T::Bytea], T::Bytea, |args, _| {
        sha384(arg::bytes(args, 0)?).map(Value::Bytea)
    }),
    function("sha512", &[T::Bytea], T::Bytea, |args, _| {
        sha512(arg::bytes(args, 0)?).map(Value::Bytea)
    }),
];
