//! The secret that lets a reader stop the run.

use std::fmt::{self, Display};

/// 128 random bits in hexadecimal digits.
pub(super) struct Token(String);

impl Token {
    pub(super) fn random() -> Self {
        Self(format!("{:032x}", rand::random::<u128>()))
    }

    /// Whether the text is the token. It takes as long wherever the first difference is.
    pub(super) fn is(&self, text: &[u8]) -> bool {
        let own = self.0.as_bytes();
        let differences = own.iter().zip(text).fold(0, |all, (a, b)| all | (a ^ b));
        own.len() == text.len() && std::hint::black_box(differences) == 0
    }
}

impl Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_it() {
        let token = Token::random();
        let text = token.to_string();
        assert_eq!(text.len(), 32);
        assert!(token.is(text.as_bytes()));
        let other = if text.ends_with('0') { "1" } else { "0" };
        let almost = format!("{}{other}", &text[..31]);
        for wrong in ["", &text[..31], &almost, &format!("{text}0")] {
            assert!(!token.is(wrong.as_bytes()), "{wrong}");
        }
        assert_ne!(text, Token::random().to_string());
    }
}
