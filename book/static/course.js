/* What the course's pages do: quizzes, predictions, completed pages, moving figures. No library, no request; everything also works from a folder. */
"use strict";

(() => {
  /* Storage may be shut off (private windows, some browsers on file://); the page then works and forgets. */
  const remember = (key, value) => {
    try {
      if (value === null) localStorage.removeItem(key);
      else localStorage.setItem(key, value);
    } catch (error) { /* nothing is kept */ }
  };
  const recall = (key) => {
    try { return localStorage.getItem(key); } catch (error) { return null; }
  };

  /* "1,250", "12.5 %" and "12,5" are numbers, as people type them; NaN for anything else. */
  const number = (text) => {
    const plain = text.replace(/[%\s]/g, "").replace("−", "-");
    const dotted = /^-?\d{1,3}(,\d{3})+(\.\d+)?$/.test(plain) ? plain.replaceAll(",", "") : plain.replace(",", ".");
    return dotted === "" ? NaN : Number(dotted);
  };
  const readable = (value) => Number(value.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 });

  /* ---- quiz ---- */

  const judgeNumber = (form) => {
    const value = number(form.elements.number.value);
    if (!Number.isFinite(value)) return { message: "Please type a number." };
    const right = Math.abs(value - Number(form.dataset.answer)) <= Number(form.dataset.tolerance) + 1e-12;
    return { right, shown: [form.querySelector(`.quiz-feedback[data-verdict="${right ? "yes" : "no"}"]`)] };
  };

  const judgeOptions = (form) => {
    const inputs = [...form.querySelectorAll(".quiz-option input")];
    const chosen = inputs.filter((input) => input.checked);
    if (!chosen.length) return { message: "Please choose an answer." };
    const right = inputs.every((input) => input.checked === ("right" in input.dataset));
    return { right, chosen, shown: chosen.map((input) => input.closest(".quiz-option").querySelector(".quiz-feedback")) };
  };

  const verdict = (form, right) => {
    if (right) return "✓ Right.";
    return form.dataset.kind === "many"
      ? "✗ Not all right yet. Read the feedback, change your choice and check again."
      : "✗ Not right. Read the feedback and try again.";
  };

  const startQuiz = (form) => {
    const status = form.querySelector(".study-status");
    const clear = () => {
      status.textContent = "";
      form.querySelectorAll(".quiz-feedback").forEach((feedback) => { delete feedback.dataset.shown; feedback.open = true; });
      form.querySelectorAll(".quiz-option input").forEach((input) => input.removeAttribute("aria-describedby"));
    };
    form.addEventListener("input", clear);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      clear();
      const outcome = form.dataset.kind === "number" ? judgeNumber(form) : judgeOptions(form);
      status.textContent = outcome.message || verdict(form, outcome.right);
      (outcome.shown || []).filter(Boolean).forEach((feedback) => { feedback.dataset.shown = ""; });
      (outcome.chosen || []).forEach((input) => {
        input.setAttribute("aria-describedby", input.closest(".quiz-option").querySelector(".quiz-why").id);
      });
    });
    clear();
  };

  /* ---- prediction ---- */

  const nextCell = (form) => {
    let next = form.nextElementSibling;
    while (next && !next.matches(".cell")) next = next.nextElementSibling;
    return next;
  };

  const distance = (guess, value, unit) => {
    const off = guess - value;
    if (Math.abs(off) <= Math.abs(value) * 0.005) return "You were right.";
    const points = unit === "%" ? "percentage points" : unit;
    const by = `${readable(Math.abs(off))} ${points}`.trim();
    const ratio = guess * value > 0 ? Math.max(guess / value, value / guess) : 0;
    const factor = ratio >= 1.5 ? `, a factor of ${readable(ratio)}` : "";
    return `You were ${by} too ${off > 0 ? "high" : "low"}${factor}.`;
  };

  const startPrediction = (form) => {
    const key = `mlsd.${form.id}`;
    const field = form.elements.number;
    const status = form.querySelector(".study-status");
    const commit = () => {
      const guess = number(field.value);
      if (!Number.isFinite(guess)) {
        status.textContent = "Commit to a number first; a wrong one teaches more than none.";
        return false;
      }
      const { value, shown, unit, origin } = form.dataset;
      status.textContent = `You predicted ${field.value.trim()}. Measured: ${shown} (${origin}). ${distance(guess, Number(value), unit)}`;
      const cell = nextCell(form);
      cell && cell.querySelectorAll("details").forEach((details) => { details.open = true; });
      return true;
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (commit()) remember(key, field.value.trim());
    });
    const before = recall(key);
    if (before !== null) {
      field.value = before;
      commit();
    }
  };

  /* ---- completed pages ---- */

  const doneKey = (page) => `mlsd.done.${page}`;

  const pageOf = (link) => {
    const root = new URL(document.documentElement.dataset.content_root || "./", location.href);
    const address = new URL(link.getAttribute("href"), location.href);
    if (!address.pathname.startsWith(root.pathname)) return "";
    return decodeURI(address.pathname.slice(root.pathname.length)).replace(/\.html$/, "");
  };

  const markContents = () => {
    document.querySelectorAll(".toc-done").forEach((mark) => mark.remove());
    document.querySelectorAll("nav.bd-links a.reference.internal").forEach((link) => {
      if (recall(doneKey(pageOf(link))) === null) return;
      const mark = document.createElement("span");
      mark.className = "toc-done";
      mark.innerHTML = '<span aria-hidden="true">✓</span><span class="visually-hidden">, completed</span>';
      link.append(mark);
    });
  };

  const startCompletion = (button) => {
    const key = doneKey(button.dataset.page);
    const show = () => button.setAttribute("aria-pressed", String(recall(key) !== null));
    button.addEventListener("click", () => {
      remember(key, recall(key) === null ? "1" : null);
      show();
      markContents();
    });
    show();
  };

  /* ---- moving figures: places and texts come finished from the run; the axes never change ---- */

  const startMoving = (figure) => {
    const data = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
    const input = figure.querySelector('input[type="range"]');
    const shown = figure.querySelector("output");
    const plot = figure.querySelector(".moving-plot");
    const lines = [...plot.querySelectorAll(".moving-line")];
    const marks = [...plot.querySelectorAll(".moving-mark")];
    const rows = [...figure.querySelectorAll("tbody tr")];

    const draw = () => {
      const place = Number(input.value);
      const setting = data.settings[place];
      input.setAttribute("aria-valuetext", setting);
      if (shown.textContent !== setting) shown.textContent = setting;
      data.y[place].forEach((heights, series) => {
        const points = heights.map((y, point) => `${data.x[point]} ${y}`);
        lines[series].setAttribute("d", `M${points.join("L")}`);
        marks[series].setAttribute("d", data.marked.map((point) => `M${points[point]}${marks[series].dataset.shape}`).join(""));
      });
      rows.forEach((row, point) => {
        data.cells[place].forEach((texts, series) => { row.cells[series + 1].textContent = texts[point]; });
      });
    };
    input.hidden = false;
    input.addEventListener("input", draw);
    draw();
  };

  /* ---- a formula that is wider than the page scrolls, also by keyboard ---- */

  const stops = () => document.querySelectorAll(".math-scroll").forEach((box) => {
    box.tabIndex = box.scrollWidth > box.clientWidth ? 0 : -1;
  });

  addEventListener("resize", stops);
  stops();
  document.querySelectorAll("form.quiz").forEach(startQuiz);
  document.querySelectorAll("form.predict").forEach(startPrediction);
  document.querySelectorAll("button.completion").forEach(startCompletion);
  document.querySelectorAll("figure.mlsd-moving").forEach(startMoving);
  markContents();
})();
