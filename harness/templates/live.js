"use strict";
// Shows the run as it goes on: takes the page anew each second and keeps the reader's place.
(() => {
  const bar = document.querySelector(".live");
  const said = bar.querySelector("output");
  const stop = bar.querySelector("button");
  const token = location.hash.slice(1);
  const all = (root, what) => [...root.querySelectorAll(what)];
  const name = section => section.querySelector("h2")?.textContent ?? "";
  const top = node => node.getBoundingClientRect().top;

  // What the reader has at the top of the window, and how far down it begins.
  function place() {
    const section = all(document, "main > section").find(one => one.getBoundingClientRect().bottom > 0);
    return scrollY > 0 && section ? [name(section), top(section)] : null;
  }

  function show(page) {
    const before = place();
    const open = all(document, "details[open] > summary").map(one => one.textContent);
    const focused = document.activeElement?.matches("summary") ? document.activeElement.textContent : null;
    for (const part of ["header", "main", "footer"]) {
      document.querySelector(part).replaceWith(page.querySelector(part));
    }
    document.title = page.title;
    for (const one of all(document, "details > summary")) {
      one.parentElement.open ||= open.includes(one.textContent);
      if (one.textContent === focused) one.focus({preventScroll: true});
    }
    const after = before && all(document, "main > section").find(one => name(one) === before[0]);
    if (after) scrollBy({top: top(after) - before[1], behavior: "instant"});
  }

  function end(how) {
    said.textContent = `${how} Its report: ${bar.dataset.report}`;
    stop.hidden = true;
  }

  let missed = 0;
  async function look() {
    try {
      const answer = await fetch("/", {cache: "no-store"});
      if (!answer.ok) throw answer.status;
      // The last page has another style, which this page's policy doesn't allow.
      const text = (await answer.text()).replace(/<style>[^]*?<\/style>/, "");
      const page = new DOMParser().parseFromString(text, "text/html");
      const over = !page.querySelector(".live");
      // Whoever marks a text is about to copy it.
      if (over || getSelection().isCollapsed) show(page);
      if (over) return end("The run has ended.");
      missed = 0;
    } catch {
      missed += 1;
      if (missed === 3) return end("The run has ended, or can't be reached any more.");
    }
    setTimeout(look, 1000);
  }

  stop.hidden = token === "";
  stop.addEventListener("click", async () => {
    stop.disabled = true;
    const headers = {authorization: `Bearer ${token}`};
    const answer = await fetch("/stop", {method: "POST", headers}).catch(() => null);
    said.textContent = answer?.ok ? "Stopping: iterations that have begun may finish." : "It could not be stopped: open the address that the run printed.";
    stop.disabled = answer?.ok ?? false;
    stop.textContent = answer?.ok ? "Stopping" : "Stop the run";
  });
  setTimeout(look, 1000);
})();
