#!/usr/bin/env python3
"""Makes docs/pass.svg, docs/fail.svg and docs/report.png anew: `make pictures`.

The first two are what real runs print on a terminal of 80 columns, read from tmux with its colours.
The third is the top of the sample's report in Chromium.
"""

import html
import pathlib
import re
import shlex
import subprocess
import textwrap
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "target/debug/loadtest"
COLUMNS, ROWS = 80, 120
CELL, LINE, FONT, EDGE = 10, 21, 16.5, 14
RUNS = {
    "pass": "--vus 50 --duration 20s --mix a=80,b=20",
    "fail": "--vus 50 --duration 20s --mix a=80,b=20 --threshold 'http_req_duration{name:5_create_order}: p(95)<5'",
}
COLOURS = {31: "#ff7b6e", 32: "#56c08d", 33: "#e0b14a"}
# Other spaces of a picture are taken together.
NO_BREAK = "\u00a0"
CHROMIUM = ["chromium", "chromium-browser", "google-chrome"]


def printed(arguments):
    """The lines that a run leaves on the terminal, with their escape sequences."""
    tmux = ["tmux", "-L", "pictures", "-f", "/dev/null"]
    command = f"cd /tmp && {PROGRAM} {arguments} --report-dir reports; echo; echo THE END; sleep 60"
    size = ["-x", str(COLUMNS), "-y", str(ROWS)]
    subprocess.run([*tmux, "new-session", "-d", *size, f"sh -c {shlex.quote(command)}"], check=True)
    try:
        for _ in range(240):
            time.sleep(0.5)
            shown = subprocess.run([*tmux, "capture-pane", "-ep"], capture_output=True, text=True, check=True)
            if "THE END" in shown.stdout:
                text = shown.stdout.split("THE END")[0].strip("\n")
                command = textwrap.wrap(f"$ loadtest {arguments}", COLUMNS - 2, subsequent_indent="    ")
                command = [line + " \\" for line in command[:-1]] + command[-1:]
                return [*command, "", *text.split("\n")]
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)
    raise SystemExit("the run did not end")


def styled(line):
    """The line in pieces of one style: whether it is bold, whether it is dim, its colour, its text."""
    bold, dim, colour = False, False, None
    for codes, text in re.findall(r"(?:\x1b\[([0-9;]*)m)?([^\x1b]*)", line):
        for code in map(int, (codes or "-1").replace(";;", ";0;").split(";")):
            if code == 0:
                bold, dim, colour = False, False, None
            elif code == 1:
                bold = True
            elif code == 2:
                dim = True
            elif code == 22:
                bold, dim = False, False
            elif code == 39:
                colour = None
            elif code in COLOURS:
                colour = COLOURS[code]
        if text:
            yield bold, dim, colour, text


def svg(lines):
    width, height = COLUMNS * CELL + 2 * EDGE, len(lines) * LINE + 2 * EDGE
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f'<rect width="{width}" height="{height}" rx="10" fill="#14181d"/>',
        f'<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,DejaVu Sans Mono,monospace" font-size="{FONT}" fill="#dfe3e8">',
    ]
    for row, line in enumerate(lines):
        column = 0
        for bold, dim, colour, text in styled(line):
            weight = ' font-weight="bold"' if bold else ""
            fill = f' fill="{colour or "#9aa4b0"}"' if colour or dim else ""
            if text.strip():
                escaped = html.escape(text).replace(" ", NO_BREAK)
                x, y = EDGE + column * CELL, EDGE + row * LINE + 16
                # So that a table's lines meet, whatever the font is.
                fit = f'textLength="{len(text) * CELL}" lengthAdjust="spacingAndGlyphs"'
                out.append(f'<text x="{x}" y="{y}" {fit}{weight}{fill}>{escaped}</text>')
            column += len(text)
    return "\n".join([*out, "</g>", "</svg>", ""])


def photograph(page, picture):
    size = ["--window-size=1100,1240", "--hide-scrollbars", "--force-device-scale-factor=1.5"]
    for program in CHROMIUM:
        try:
            quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--blink-settings=preferredColorScheme=1"]
            subprocess.run([program, *quiet, *size, f"--screenshot={picture}", page.as_uri()], check=True, stderr=subprocess.DEVNULL)
            return
        except FileNotFoundError:
            continue
    raise SystemExit("there is no Chromium")


for name, arguments in RUNS.items():
    lines = printed(arguments)
    (ROOT / f"docs/{name}.svg").write_text(svg(lines))
photograph(ROOT / "reports/sample/report.html", ROOT / "docs/report.png")
