use super::*;

#[test]
fn what_acts_or_hides_is_replaced_by_something_to_see() {
    // (text, what is shown)
    let rows = [
        ("plain, äöü, 日本, ✓ and ⚠️", "plain, äöü, 日本, ✓ and ⚠️"),
        ("\u{1b}[31mred\u{1b}[0m", "␛[31mred␛[0m"),
        ("\u{1b}]0;title\u{7}", "␛]0;title␇"),
        ("over\rwritten\u{8}\u{7f}\0", "over␍written␈␡␀"),
        (
            "c1 \u{9b}31m \u{80}\u{9f}",
            "c1 \u{fffd}31m \u{fffd}\u{fffd}",
        ),
        (
            "a\u{202e}cod.exe\u{2066}\u{2069}\u{200f}",
            "a\u{fffd}cod.exe\u{fffd}\u{fffd}\u{fffd}",
        ),
        (
            "zero\u{200b}\u{200d}\u{feff}\u{2060}\u{ad}width",
            "zero\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}width",
        ),
        (
            "\u{2028}\u{2029}\u{fffe}\u{ffff}\u{1fffe}\u{fdd0}",
            "\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}",
        ),
        ("tag \u{e0041}", "tag \u{fffd}"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("at http://me:hunter2@host/x", "at http://***@host/x"),
    ];
    for (text, expected) in rows {
        assert_eq!(visible(text), expected, "{text:?}");
    }
    assert!(matches!(visible("as it is"), Cow::Borrowed(_)));
}

#[test]
fn json_keeps_every_character_by_its_number() {
    let text = "\u{1b}[31m \u{9b} \u{202e} \u{fffe} \u{e0041} \u{7f} ##[error] </script> 日本";
    let json = json(&text).expect("a string");
    assert_eq!(
        json,
        "\"\\u001b[31m \\u009b \\u202e \\ufffe \\udb40\\udc41 \\u007f #\\u0023[error] </script> 日本\""
    );
    assert_eq!(serde_json::from_str::<String>(&json).expect("JSON"), text);
    let login = super::json(&["http://u:hunter2@h/", "x@y"]).expect("strings");
    assert_eq!(login, r#"["http://***@h/","x@y"]"#);
}

#[test]
fn no_line_is_a_command_of_a_ci_runner() {
    // (text, what is shown)
    let rows = [
        ("::error::boo", ": :error::boo"),
        (
            "fine\n \t::set-output name=x::y",
            "fine\n \t: :set-output name=x::y",
        ),
        ("a ::warning::b", "a ::warning::b"),
        (":: ##[error]x", ": : # #[error]x"),
        ("x ###vso[y]", "x # # #vso[y]"),
    ];
    for (text, expected) in rows {
        assert_eq!(lines(text), expected, "{text:?}");
    }
    // Also where a line is written in pieces.
    let mut out = Vec::new();
    let mut shown = Shown::new(&mut out);
    for piece in ["  ", ":", ":", "error::x#", "#[error]\n"] {
        shown.write_all(piece.as_bytes()).expect("memory");
    }
    assert_eq!(
        String::from_utf8(out).expect("text"),
        "  : :error::x# #[error]\n"
    );
}

#[test]
fn a_line_has_an_end() {
    let long = lines(&format!("{}\nnext", "x".repeat(100_000)));
    let (first, next) = long.split_once('\n').expect("two lines");
    assert_eq!(first.chars().count(), LONGEST);
    assert!(first.ends_with("x…"));
    assert_eq!(next, "next");
}

#[test]
fn only_our_own_styles_reach_a_terminal() {
    let mut out = Vec::new();
    let mut shown = Shown::new(&mut out);
    shown
        .styled("PASS \u{1b}[5m", Style::new().green())
        .expect("memory");
    write!(shown, " \u{1b}[32mPASS").expect("memory");
    let text = String::from_utf8(out).expect("text");
    assert_eq!(text, "\u{1b}[32mPASS ␛[5m\u{1b}[0m ␛[32mPASS");
}
