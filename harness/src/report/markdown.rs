//! The report for a pull request or a CI's step summary: GitHub's Markdown, always below 60 KB.

use std::io::{self, Write};

use super::charts::failed;
use super::document::Document;
use super::explain::Explanation;
use super::series::Slow;
use super::summary::Summary;
use super::suspects::Stores;
use super::tables::CUT;
use super::title::title;
use super::what_now::what_now;
use super::words::{actual, cut_short, headline, percentile, verdict};
use super::workers;
use crate::catalogue::PartEntry;
use crate::compare::{Change, Comparison, Row};
use crate::format::{clock, cut, grouped, ms, number};
use crate::threshold::Verdict;

/// The most that is written, in bytes: GitHub takes comments of 65,536 characters.
pub const MARKDOWN_LIMIT: usize = 60_000;
/// Rows of a table before the rest is only counted.
const ROWS: usize = 40;
/// Unexpected answers of an explanation.
const ANSWERS: usize = 20;
/// Characters of a text.
const TEXT: usize = 400;

/// Writes the report; what doesn't fit is left out from the end, and said.
///
/// # Errors
/// The writer's.
pub fn write_markdown(document: &Document, mut out: impl Write) -> io::Result<()> {
    const LEFT_OUT: &str = "\n_More is in report.html._\n";
    let mut text = String::new();
    let mut left_out = false;
    for part in parts(document) {
        if text.len() + part.len() + LEFT_OUT.len() >= MARKDOWN_LIMIT {
            left_out = true;
        } else {
            text.push_str(&part);
        }
    }
    if left_out {
        text.push_str(LEFT_OUT);
    }
    out.write_all(text.as_bytes())
}

/// The parts, the weightiest first.
fn parts(document: &Document) -> Vec<String> {
    let summary = &document.summary;
    let mut parts = vec![head(document)];
    let server = &summary.catalogue.server_parts;
    let explained = document.explanations.iter();
    parts.extend(explained.map(|one| explanation(one, server)));
    parts.push(thresholds(summary));
    parts.extend(document.comparison.as_ref().map(compared));
    parts.push(requests(document));
    parts.push(unanswered(document));
    parts.push(broken(summary));
    parts.push(workers_of(summary));
    parts.push(repeat(summary));
    parts
}

fn head(document: &Document) -> String {
    let summary = &document.summary;
    let run = &summary.run;
    let all = &document.measured.all;
    let sign = match summary.verdict {
        Verdict::Pass => "✅",
        Verdict::Fail => "❌",
        Verdict::Invalid => "⚠️",
    };
    let mut text = format!(
        "## {sign} {} · {}\n\n{}\n\n",
        verdict(summary.verdict),
        escaped(&title(run)),
        headline(summary)
    );
    if let Some(now) = what_now(document) {
        text += &format!("**What now**: {}\n\n", escaped(&now.sentence));
    }
    text += &points("- ", &summary.reasons);
    text += &points("- ⚠️ ", &summary.warnings);
    text += &points("- ⚠️ ", document.lack.as_slice());
    let seconds = (run.duration_ms as f64 / 1_000.0).max(1e-3);
    text += &format!(
        "\n| p95 | p99 | requests/s | requests | failed | iterations | VUs | time |\n\
         | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n\
         | {} | {} | {} | {} | {} | {} | {} | {} |\n",
        percentile(&all.trend, 95.0),
        percentile(&all.trend, 99.0),
        number(all.trend.count() as f64 / seconds),
        grouped(all.trend.count()),
        failed(all),
        grouped(run.iterations),
        run.vus_max,
        clock(run.duration_ms)
    );
    text
}

/// A list of texts, as many as a quarter of the report has room for: what comes after them is wanted too.
fn points(bullet: &str, texts: &[String]) -> String {
    let mut list = String::new();
    for (n, text) in texts.iter().enumerate() {
        let point = format!("{bullet}{}\n", escaped(text));
        if list.len() + point.len() > MARKDOWN_LIMIT / 4 {
            return list + &format!("- _and {} more_\n", texts.len() - n);
        }
        list += &point;
    }
    list
}

/// The comparison with the baseline: its headline, and whatever is not as it was.
fn compared(comparison: &Comparison) -> String {
    let mut text = format!(
        "\n### Compared with {}: {}\n\n",
        code(&comparison.base),
        comparison.change.words()
    );
    for misfit in comparison.disturbed.iter().chain(&comparison.misfits) {
        text += &format!("- ⚠️ {}\n", escaped(misfit));
    }
    text += "\n| metric | base | new | change | interval | |\n| --- | ---: | ---: | ---: | ---: | --- |\n";
    let told = |row: &&Row| row.headline || matches!(row.judgement, Change::Better | Change::Worse);
    for row in comparison.rows.iter().filter(told).take(ROWS) {
        let [base, new, change, interval] = row.texts();
        text += &format!(
            "| {} | {base} | {new} | {change} | {interval} | {} |\n",
            code(&row.metric),
            row.judgement.words()
        );
    }
    if !comparison.stores.is_empty() {
        text += "\n| in the stores (medians, not judged) | probe | base | new |\n\
                 | --- | --- | ---: | ---: |\n";
    }
    for change in &comparison.stores {
        let [title, base, new] = change.texts().map(|text| cell(&text));
        text += &format!("| {title} | {} | {base} | {new} |\n", cell(&change.probe));
    }
    text += &format!(
        "\n{} same, {} can't tell.\n",
        comparison.count(Change::Same),
        comparison.count(Change::CantTell)
    );
    text
}

fn explanation(explanation: &Explanation, parts: &[PartEntry]) -> String {
    let cause = explanation.cause.as_ref();
    let cause = cause.map_or_else(String::new, |cause| format!(" — **{cause}**"));
    let mut text = format!("\n### Why: {}{cause}\n\n", code(&explanation.subject));
    let known = explanation.stores.as_ref().and_then(Stores::first_cause);
    text += &known.map_or_else(String::new, |known| {
        format!("First cause: {}.\n", escaped(&known))
    });
    for sentence in &explanation.sentences {
        text += &format!("{}\n", escaped(sentence));
    }
    text += &explanation.stores.as_ref().map_or_else(String::new, stores);
    if !explanation.slowest.is_empty() {
        text += &slowest(&explanation.slowest, parts);
    }
    let errors = &explanation.errors;
    for error in errors.iter().take(ANSWERS) {
        text += &format!(
            "\n- {} {}: {}\n",
            escaped(&error.name),
            match error.status {
                0 => "no answer".to_owned(),
                status => status.to_string(),
            },
            code(&error.sample)
        );
    }
    if let Some(more) = errors.len().checked_sub(ANSWERS).filter(|more| *more > 0) {
        text += &format!("\n_and {more} more requests and statuses, in report.html_\n");
    }
    text
}

/// What changed in the stores, as a table.
fn stores(stores: &Stores) -> String {
    let (bad, good) = stores.seconds;
    let mut text = format!(
        "\n| probe | what changed | {good} good seconds | {bad} bad seconds | |\n\
         | --- | --- | ---: | ---: | --- |\n"
    );
    for one in &stores.suspects {
        text += &format!(
            "| {} | {} | {} | {} | {} |\n",
            cell(&one.probe),
            cell(&one.title),
            cell(one.good.as_deref().unwrap_or("–")),
            cell(&one.bad),
            one.judged()
        );
    }
    text
}

fn slowest(slowest: &[Slow], parts: &[PartEntry]) -> String {
    let each = |cell: &dyn Fn(&PartEntry) -> String| -> String {
        parts
            .iter()
            .map(|part| format!(" {} |", cell(part)))
            .collect()
    };
    let names = each(&|part| escaped(&part.name));
    let rule = each(&|_| "---:".to_owned());
    let mut text = format!(
        "\n| slowest (ms) | took |{names} at | stage | status | VU |\n| --- | ---: |{rule} ---: | --- | ---: | ---: |\n"
    );
    for slow in slowest {
        let part = |part: &PartEntry| {
            let time = slow.server.get(&part.name);
            time.map_or_else(|| "–".to_owned(), |time| ms(*time))
        };
        let tag = |name: &str| cell(slow.tags.get(name).map_or("", String::as_str));
        text += &format!(
            "| {} | {} |{} {} | {} | {} | {} |\n",
            tag("name"),
            ms(slow.duration),
            each(&part),
            clock(slow.at_ms),
            tag("stage"),
            tag("status"),
            slow.vu
        );
    }
    text
}

fn thresholds(summary: &Summary) -> String {
    let mut text =
        "\n### Thresholds\n\n| | threshold | actual |\n| --- | --- | ---: |\n".to_owned();
    for row in summary.thresholds.iter().take(ROWS) {
        text += &format!(
            "| {} | {} | {} |\n",
            mark(row.ok),
            cell(&row.expression),
            actual(summary, row)
        );
    }
    text + &more(summary.thresholds.len())
}

fn requests(document: &Document) -> String {
    let measured = &document.measured;
    let mut text = "\n<details><summary>Requests (times in ms)</summary>\n\n| request | count | failed | avg | p50 | p95 | p99 | max |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n".to_owned();
    let all = "all".to_owned();
    for (name, group) in measured
        .requests
        .iter()
        .take(ROWS)
        .chain([(&all, &measured.all)])
    {
        let [p50, p95, p99] = group.trend.percentiles_ms([50.0, 95.0, 99.0]);
        text += &format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} |\n",
            cell(name),
            grouped(group.trend.count()),
            failed(group),
            ms(group.trend.avg_ms()),
            ms(p50),
            ms(p95),
            ms(p99),
            ms(group.trend.max_ms())
        );
    }
    text + &more(measured.requests.len()) + "\n</details>\n"
}

/// Requests that were cut, each with its time so far; nothing when there are none.
fn unanswered(document: &Document) -> String {
    let cut = &document.measured.cut;
    if cut.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "\n### {CUT} (times in ms)\n\n| request | count | shortest | longest |\n\
         | --- | ---: | ---: | ---: |\n"
    );
    for (name, times) in cut.iter().take(ROWS) {
        let [count, shortest, longest] = cut_short(times).map(|(_, text)| text);
        text += &format!("| {} | {count} | {shortest} | {longest} |\n", cell(name));
    }
    text + &more(cut.len())
}

/// The workers; nothing of a run on one machine.
fn workers_of(summary: &Summary) -> String {
    if summary.workers.is_empty() {
        return String::new();
    }
    let head = workers::HEAD.map(|head| format!(" {head} |")).concat();
    let rule = " ---: |".repeat(workers::HEAD.len());
    let mut text =
        format!("\n<details><summary>Workers</summary>\n\n| worker |{head}\n| --- |{rule}\n");
    let lines = workers::lines(summary);
    for line in lines.iter().take(ROWS) {
        let (index, host) = (line.worker.index, &line.worker.host);
        let cells = line.cells.iter().map(|(_, cell)| format!(" {cell} |"));
        text += &format!(
            "| {} |{}\n",
            cell(&format!("{index} on {host}")),
            cells.collect::<String>()
        );
    }
    text + &more(lines.len()) + "\n</details>\n"
}

/// Invariants and checks: those that don't hold, and how many do.
fn broken(summary: &Summary) -> String {
    let held = summary.invariants.iter().filter(|row| row.ok).count();
    let mut text = counted("Invariants", held, summary.invariants.len());
    for row in summary.invariants.iter().filter(|row| !row.ok).take(ROWS) {
        text += &format!(
            "- ❌ {}: expected {}, was {}\n",
            escaped(&row.name),
            row.expected,
            row.was()
        );
    }
    let held = summary.checks.iter().filter(|row| row.fails == 0).count();
    text += &counted("Checks", held, summary.checks.len());
    let sign = if summary.tolerates_failed_checks() {
        "⚠️"
    } else {
        "❌"
    };
    for row in summary.checks.iter().filter(|row| row.fails > 0).take(ROWS) {
        text += &format!(
            "- {sign} {}, {}: failed {} of {}\n",
            escaped(&row.name),
            escaped(&row.who()),
            grouped(row.fails),
            grouped(row.passes + row.fails)
        );
    }
    text
}

/// How many of all hold; that there were none is no success.
fn counted(what: &str, held: usize, all: usize) -> String {
    match all {
        0 => format!("\n**{what}**: none was checked.\n"),
        _ => format!("\n**{what}**: {held} of {all} hold.\n"),
    }
}

fn repeat(summary: &Summary) -> String {
    let run = &summary.run;
    format!(
        "\nRepeat it: {}\n\n<sub>{} · {} · {}</sub>\n",
        code(&run.command),
        escaped(&run.id),
        escaped(&run.host),
        escaped(&run.generator.platform)
    )
}

fn more(rows: usize) -> String {
    match rows.saturating_sub(ROWS) {
        0 => String::new(),
        more => format!("\n_and {more} more_\n"),
    }
}

const fn mark(ok: bool) -> &'static str {
    if ok { "✅" } else { "❌" }
}

/// A text without a meaning in Markdown or HTML, cut short. Addresses and names behind an `@` are
/// taken apart by an empty comment: GitHub links the one and notifies the other, escaped or not.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    let text = cut(text, TEXT);
    for (at, c) in text.char_indices() {
        if text[at..].starts_with("://") || (c == '.' && text[..at].ends_with("www")) {
            escaped.push_str(APART);
        }
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            // After a backslash it would still be taken for the end of code before it.
            '`' => escaped.push_str("&#96;"),
            '@' => escaped.extend(["@", APART]),
            '|' | '*' | '_' | '[' | ']' | '\\' | '#' | '~' => escaped.extend(['\\', c]),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Nothing, between two characters that mean something together.
const APART: &str = "<!-- -->";

/// A text as code: between more backticks than it has in a row.
fn code(text: &str) -> String {
    let text = cut(text, TEXT * 4);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = if longest > 0 { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// The same within a table, where a bar would end the cell.
fn cell(text: &str) -> String {
    code(text).replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_the_server_are_no_markup() {
        assert_eq!(
            escaped("a|b <img> `x` @all"),
            "a\\|b &lt;img&gt; &#96;x&#96; @<!-- -->all"
        );
        assert_eq!(
            escaped("[x](https://evil.example) www.evil.example"),
            "\\[x\\](https<!-- -->://evil.example) www<!-- -->.evil.example"
        );
        assert_eq!(escaped("a\n# b\n::error::c"), "a \\# b ::error::c");
        assert_eq!(code("p(95)<2 `x` ``"), "``` p(95)<2 `x` `` ```");
        assert_eq!(cell("a|b"), r"`a\|b`");
    }
}
