// What needs no server: theme, language links, dialogs, menus, and waiting for one that is away.
// Loaded as a file of our own, because the content security policy allows no evaluated script.
(function () {
  "use strict";
  var root = document.documentElement;

  // The typeface lies in the style sheet and takes a moment to unpack; lines drawn in another one would jump.
  Promise.all(["\u0622", "a"].map(function (letter) { return document.fonts.load("1em 'Vazirmatn Variable'", letter); }))
    .finally(function () { root.classList.remove("unlettered"); });

  function toggleTheme() {
    var theme = root.dataset.theme === "dark" ? "light" : "dark";
    root.dataset.theme = theme;
    // At once and by ourselves: who clicks on to the next page does not wait for the server to remember it.
    document.cookie = "theme=" + theme + "; path=/; max-age=31536000; samesite=lax"
      + (location.protocol === "https:" ? "; secure" : "");
    fetch("/theme/" + theme, { method: "POST", credentials: "same-origin", keepalive: true })
      .catch(function () {});
  }

  // An invoice's readings are printed when they are asked for, by the button or by ?evidence=1 in the address.
  var wantsEvidence = false;
  function printPage(withEvidence) {
    wantsEvidence = withEvidence;
    window.print();
    wantsEvidence = false;
  }

  window.addEventListener("beforeprint", function () {
    var isAsked = wantsEvidence || new URLSearchParams(location.search).get("evidence") === "1";
    root.toggleAttribute("data-evidence", isAsked);
  });

  function keepPlace(link) {
    var here = location.pathname + location.search;
    link.href = link.getAttribute("href").split("?")[0] + "?next=" + encodeURIComponent(here);
  }

  // Whoever asked a question is where the reader goes on when it is answered. Safari does not focus what it clicks.
  var pressed = null, asker = null;

  // Who clicks twice on what acts means once: the answer to the first click is on its way.
  window.addEventListener("click", function (event) {
    var acts = event.detail > 1 && event.target instanceof Element
      && event.target.closest("button[data-answered-by], form[data-answered-by] button");
    if (acts) { event.preventDefault(); event.stopImmediatePropagation(); }
  }, true);

  document.addEventListener("click", function (event) {
    var target = event.target;
    if (!(target instanceof Element)) { return; }
    if (!target.closest("dialog")) { pressed = target.closest("button, a"); }
    var asks = target.closest("[data-answered-by]");
    if (asks && asks.tagName !== "FORM" && event.isTrusted) { expect(asks); }
    var tab = target.closest("[role=tab][data-tab]");
    if (tab) { nameTab(tab); }
    if (target.closest("[data-theme-toggle]")) { toggleTheme(); }
    var opener = target.closest("[data-opener]");
    if (opener) { opener.setAttribute("aria-expanded", String(opener.getAttribute("aria-expanded") !== "true")); }
    if (!opener) { openRow(target); }
    var print = target.closest("[data-print]");
    if (print) { printPage(print.dataset.print === "evidence"); }
    var turns = target.closest("a[data-turns]");
    if (turns && !event.metaKey && !event.ctrlKey && !event.shiftKey) { turning = turns.getAttribute("href"); turnedList = turns.closest("[data-list]"); }
    var language = target.closest("a[data-language]");
    if (language) { keepPlace(language); }
    document.querySelectorAll("details.menu[open]").forEach(function (menu) {
      if (!menu.contains(target) || target.closest(".menu-item")) { menu.removeAttribute("open"); }
    });
  }, true);

  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") { return; }
    document.querySelectorAll("details.menu[open]").forEach(function (menu) {
      menu.removeAttribute("open");
      menu.querySelector("summary").focus();
    });
  });

  // From one thing to its neighbour, in the direction in which the page runs. A tab is chosen by reaching it.
  document.addEventListener("keydown", function (event) {
    var from = event.target instanceof Element ? event.target.closest("[data-arrows] > *") : null;
    if (!from || event.altKey || event.ctrlKey || event.metaKey) { return; }
    var forward = getComputedStyle(from).direction === "ltr" ? "ArrowRight" : "ArrowLeft";
    var next = event.key === "Home" ? from.parentNode.firstElementChild
      : event.key === "End" ? from.parentNode.lastElementChild
      : event.key === forward ? from.nextElementSibling
      : event.key === "ArrowLeft" || event.key === "ArrowRight" ? from.previousElementSibling : null;
    if (!next) { return; }
    event.preventDefault();
    next.focus();
    if (next.getAttribute("role") === "tab") { next.click(); }
  });

  // A finger finds a whole line more easily than its button; only the button closes it again.
  function openRow(target) {
    var line = target.closest("a, button, input, label") ? null : target.closest(".folds tbody tr");
    var opener = line && line.querySelector("[data-opener]");
    if (opener) { opener.setAttribute("aria-expanded", "true"); }
  }

  // The address names the tab, without a new entry in the history.
  function nameTab(tab) {
    var here = new URL(location.href);
    here.searchParams.set("tab", tab.dataset.tab);
    history.replaceState(history.state, "", here);
  }

  function showTitle() {
    var wanted = document.querySelector("[data-title]");
    if (wanted && document.title !== wanted.dataset.title) { document.title = wanted.dataset.title; }
  }

  // Another language's page stays hidden until its sentences are there; the boot script gives up after a while.
  function showPage() {
    if (!root.classList.contains("translating")) { return; }
    var mark = document.querySelector("[data-spoken]");
    if (mark && mark.dataset.spoken === root.lang) { root.classList.remove("translating"); }
  }

  function focusContent() {
    var content = document.getElementById("content");
    if (content) { content.focus(); }
  }

  function returnFocus() {
    if (!asker || document.querySelector("dialog[data-modal]")) { return; }
    var wanted = asker;
    asker = null;
    if (wanted.isConnected && !wanted.disabled) { wanted.focus(); } else { focusContent(); }
  }

  // The control that was used last, and the id of the place where its answer will appear.
  var expected = null;
  function expect(control) { expected = { control: control, place: control.dataset.answeredBy }; }

  function isNowhere() {
    var active = document.activeElement;
    return !active || active === document.body || active === root || active.disabled;
  }

  function bring(part) {
    part.scrollIntoView({ block: "nearest" });
    part.focus({ preventScroll: true });
  }

  // An answer comes into view and takes the focus, once, unless the reader is already busy with something else.
  var answered = {};
  function showAnswers() {
    document.querySelectorAll("[data-answer]").forEach(function (part) {
      var key = part.dataset.answer;
      if (key === (answered[part.id] || "")) { return; }
      answered[part.id] = key;
      var isExpected = expected && (expected.place === part.id || expected.control.contains(document.activeElement));
      if (key && (isExpected || isNowhere())) { expected = null; bring(part); }
    });
    Object.keys(answered).forEach(function (id) { if (!document.getElementById(id)) { delete answered[id]; } });
  }

  // Whoever used a control that is gone, and got no answer elsewhere, goes on at the place that it names.
  function replaceFocus() {
    if (!expected || expected.control.isConnected || !isNowhere() || document.querySelector("dialog[open]")) { return; }
    var place = document.getElementById(expected.place);
    if (expected.place === "asker" || !place) { place = document.getElementById("content"); }
    expected = null;
    if (place) { place.focus({ preventScroll: true }); }
  }

  // What a click has opened further down the page comes into view, once; closing it leads back to who opened it.
  var revealed = "", opener = null;
  function reveal() {
    var part = document.querySelector("[data-reveal]");
    var key = part ? part.dataset.reveal : "";
    if (key === revealed) { return; }
    revealed = key;
    if (part && key) { opener = pressed; expected = null; bring(part); return; }
    if (opener && opener.isConnected && isNowhere()) { expected = null; bring(opener); }
    opener = null;
  }

  // Who turned a page or narrowed a list by a link goes on at the top of the list, once its new rows are there.
  var turning = null, turnedList = null;
  function turn() {
    var list = turning && (turnedList && document.getElementById(turnedList.id) || document.querySelector("[data-list]"));
    if (!list) { return; }
    if (turning !== location.pathname + location.search) { turning = null; return; }
    if (list.dataset.list !== turning) { return; }
    turning = null;
    if (list.getBoundingClientRect().top < 0 || list.getBoundingClientRect().top > innerHeight / 2) {
      list.scrollIntoView({ block: "start" });
    }
    list.focus({ preventScroll: true });
  }

  // React puts a dialog into the page and takes it out; only the browser can make it modal.
  function showDialogs() {
    document.querySelectorAll("dialog[data-modal]:not([open])").forEach(function (dialog) {
      var active = document.activeElement;
      asker = active && active !== document.body && active !== root ? active : pressed;
      dialog.showModal();
      dialog.addEventListener("cancel", function (event) {
        event.preventDefault();
        var close = dialog.querySelector("[data-close]");
        if (close) { close.click(); }
      });
    });
  }

  // A page whose data could not be had tries again by itself; the whole page when even the session is unknown.
  var RETRY_MS = 5000;
  function retry() {
    document.querySelectorAll("[data-retry]").forEach(function (again) { again.click(); });
    if (!document.querySelector("[data-wait-for-server]")) { return; }
    fetch("/readyz", { cache: "no-store" }).then(function (answer) {
      if (answer.ok) { location.reload(); }
    }).catch(function () {});
  }

  // Back leads to a page as the browser remembers it; its person may have signed out meanwhile.
  window.addEventListener("pageshow", function (event) {
    if (!event.persisted) { return; }
    root.hidden = true;
    location.reload();
  });

  // What is wrong with a field, in the page's language and not in the browser's: at the field, or as its bubble.
  function wordsFor(field) {
    return (field.validity.typeMismatch && field.dataset.mistyped) || field.dataset.missing || "";
  }

  function say(field, words) {
    var place = document.getElementById(field.id + "-error");
    if (!place) { field.setCustomValidity(words); return false; }
    place.textContent = words;
    if (words) { field.setAttribute("aria-invalid", "true"); } else { field.removeAttribute("aria-invalid"); }
    return true;
  }

  document.addEventListener("invalid", function (event) {
    var field = event.target;
    if (!wordsFor(field) || field.validity.customError) { return; }
    if (say(field, wordsFor(field))) { event.preventDefault(); }
  }, true);

  // One answer of several sets them all right, not only the one that was told of.
  function answersWith(field) {
    var isOneOf = field.type === "radio" && field.form && field.name;
    return isOneOf ? Array.prototype.filter.call(field.form.elements, function (each) {
      return each.type === "radio" && each.name === field.name;
    }) : [field];
  }

  document.addEventListener("input", function (event) {
    if (!event.target.setCustomValidity) { return; }
    answersWith(event.target).forEach(function (field) { field.setCustomValidity(""); say(field, ""); });
  }, true);

  // A form that the page itself posts: a mistake is told at its field, and what was typed stays.
  function complain(form, field, words) {
    var input = field && form.elements[field];
    if (input && say(input, words)) { input.focus(); if (input.select) { input.select(); } return; }
    var place = form.querySelector("[data-form-error]");
    place.textContent = words;
    place.hidden = !words;
    if (words) { bring(place); }
  }

  // Signs that nobody sees come along when an address is pasted from a right-to-left text.
  function withoutInvisible(field) {
    if (field.type !== "email") { return; }
    var plain = field.value.replace(/[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, "").trim();
    if (plain !== field.value) { field.value = plain; }
  }

  function post(form) {
    Array.prototype.forEach.call(form.elements, withoutInvisible);
    var wrong = Array.prototype.filter.call(form.elements, function (field) { return !field.checkValidity(); });
    if (wrong.length) { wrong[0].focus(); return; }
    var next = form.elements.next;
    if (next && !next.value) { next.value = new URLSearchParams(location.search).get("next") || ""; }
    document.querySelectorAll("[data-said-before]").forEach(function (note) { note.hidden = true; });
    complain(form, "", "");
    form.dataset.busy = "1";
    fetch(form.getAttribute("action"), {
      method: "POST", credentials: "same-origin", headers: { accept: "application/json" },
      body: new URLSearchParams(new FormData(form))
    }).then(function (answer) { return answer.json(); }).then(function (said) {
      if (said.to) { location.assign(said.to); return; }
      delete form.dataset.busy;
      complain(form, said.field, said.text);
    }).catch(function () {
      delete form.dataset.busy;
      complain(form, "", form.dataset.lost);
    });
  }

  // A secret leaves by a post of its own, before its form: no event may carry it. The form goes on with the name that
  // comes back, and the box is emptied.
  function giveSecret(form, box) {
    var problem = form.querySelector("[data-secret-problem='" + box.dataset.secret + "']");
    problem.textContent = "";
    return fetch(form.dataset.secrets, {
      method: "POST", credentials: "same-origin", body: new URLSearchParams({ secret: box.value })
    }).then(function (answer) { return answer.json(); }).then(function (said) {
      if (!said.name) { throw new Error(said.text); }
      form.elements[box.dataset.secret].value = said.name;
      box.value = "";
      return true;
    }).catch(function (error) {
      problem.textContent = error instanceof TypeError || error instanceof SyntaxError ? form.dataset.lost : error.message;
      box.focus();
      return false;
    });
  }

  document.addEventListener("submit", function (event) {
    var form = event.target;
    var boxes = !form.matches("[data-secrets]") ? [] : Array.prototype.filter.call(
      form.querySelectorAll("[data-secret]"), function (box) { return box.value; });
    if (!boxes.length) { return; }
    event.preventDefault();
    event.stopImmediatePropagation();
    if (form.dataset.busy) { return; }
    form.dataset.busy = "1";
    Promise.all(boxes.map(function (box) { return giveSecret(form, box); })).then(function (given) {
      delete form.dataset.busy;
      if (given.every(Boolean)) { form.requestSubmit(); }
    });
  }, true);

  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.dataset.answeredBy) { expect(form); }
    if (!form.matches("[data-inline]")) { return; }
    event.preventDefault();
    if (!form.dataset.busy) { post(form); }
  }, true);

  // What somebody types stays when the page, or the part of it that holds the box, is made anew: the server was away, or a
  // newer version came. Secrets and dialogs, which are about one thing at a time, are left out. Reflex loads a page again
  // by itself unless it did so a moment ago, so a page that shows such words says that it did in a day: it is told, and
  // waits for a click.
  var TYPED = "typed", RELOADED = "reflex_last_reloaded_on_error", DAY_MS = 86400000;
  var KEPT = "textarea[id], input[id]:not([type]), input[id][type=text], input[id][type=search]";
  var typed = { at: "", words: {} };
  try { typed = JSON.parse(sessionStorage.getItem(TYPED)) || typed; } catch (_) { /* nothing is kept here */ }

  function address() { return location.pathname + location.search; }

  function keepTyped() {
    var hasWords = Object.keys(typed.words).length > 0;
    try {
      if (hasWords) { sessionStorage.setItem(TYPED, JSON.stringify(typed)); } else { sessionStorage.removeItem(TYPED); }
    } catch (_) { /* a browser that keeps nothing loses what was typed, as it always did */ }
    holdReload();
  }

  var isHeld;
  function holdReload() {
    var shows = Object.keys(typed.words).some(function (id) { return document.getElementById(id); });
    if (shows === isHeld) { return; }
    isHeld = shows;
    try {
      if (shows) { sessionStorage.setItem(RELOADED, String(Date.now() + DAY_MS)); return; }
      if (Number(sessionStorage.getItem(RELOADED)) > Date.now()) { sessionStorage.removeItem(RELOADED); }
    } catch (_) { /* as above */ }
  }

  function forgetTyped() {
    typed = { at: address(), words: {} };
    keepTyped();
  }

  function isKept(field) { return field instanceof Element && field.matches(KEPT) && !field.closest("dialog"); }

  document.addEventListener("input", function (event) {
    var field = event.target;
    if (!isKept(field)) { return; }
    if (typed.at !== address()) { forgetTyped(); }
    field.hasTyped = true;
    if (field.value) { typed.words[field.id] = field.value; } else { delete typed.words[field.id]; }
    keepTyped();
  });
  document.addEventListener("submit", forgetTyped);

  function giveBackTyped() {
    var ids = Object.keys(typed.words);
    if (ids.length && typed.at !== address()) { forgetTyped(); return; }
    ids.forEach(function (id) {
      var field = document.getElementById(id);
      if (!isKept(field) || field.hasTyped) { return; }
      field.hasTyped = true;
      // As if it were typed: a box whose value React holds would take a plain one back.
      Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), "value").set.call(field, typed.words[id]);
      field.dispatchEvent(new Event("input", { bubbles: true }));
    });
    holdReload();
  }

  // Ages grow by the second without a word of the server. Its clock counts: the reader's may be wrong by minutes.
  var ahead = 0, isClockKnown = false;
  var SPANS = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];

  function askForTime() {
    isClockKnown = true;
    fetch("/healthz", { cache: "no-store" }).then(function (answer) {
      var off = Date.parse(answer.headers.get("date")) - Date.now();
      ahead = Math.abs(off) > 2000 ? off : 0;
    }).catch(function () { isClockKnown = false; });
  }

  function ageOf(seconds) {
    var away = seconds - (Date.now() + ahead) / 1000;
    var span = SPANS.find(function (each) { return Math.abs(away) >= each[0]; }) || SPANS[3];
    return new Intl.RelativeTimeFormat(root.lang).format(Math.trunc(away / span[0]) || -0, span[1]);
  }

  function tellAges() {
    var ages = document.querySelectorAll("[data-age]");
    if (ages.length && !isClockKnown) { askForTime(); }
    ages.forEach(function (each) {
      var words = ageOf(Number(each.dataset.age));
      if (each.textContent !== words) { each.textContent = words; }
    });
  }

  // Its script comes with the first page that shows a log, and stays.
  var hasLogScript = false;
  function bringLog() {
    if (hasLogScript || !document.querySelector("[data-log]")) { return; }
    hasLogScript = true;
    var script = document.createElement("script");
    script.src = "/log.js";
    document.head.append(script);
  }

  // What the server has not looked at for a while may not be so any more, and must not look as if it were.
  function watchFreshness() {
    document.querySelectorAll("[data-stale-after]").forEach(function (each) {
      var away = (Date.now() + ahead) / 1000 - Number(each.dataset.freshAt);
      each.toggleAttribute("data-stale", away > Number(each.dataset.staleAfter));
    });
  }

  function lookAround() {
    bringLog();
    showTitle();
    tellAges();
    showPage();
    showDialogs();
    returnFocus();
    reveal();
    turn();
    showAnswers();
    replaceFocus();
    giveBackTyped();
  }
  new MutationObserver(lookAround).observe(
    document.documentElement,
    { childList: true, subtree: true, attributes: true, attributeFilter: ["data-title", "data-spoken", "data-reveal", "data-list", "data-answer", "data-age"] }
  );
  setInterval(retry, RETRY_MS);
  setInterval(function () { tellAges(); watchFreshness(); }, 1000);
})();
