// What needs no server: theme, language links, dialogs, menus, and waiting for one that is away.
// Loaded as a file of our own, because the content security policy allows no evaluated script.
(function () {
  "use strict";
  var root = document.documentElement;

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

  document.addEventListener("click", function (event) {
    var target = event.target;
    if (!(target instanceof Element)) { return; }
    if (!target.closest("dialog")) { pressed = target.closest("button, a"); }
    if (target.closest("[data-theme-toggle]")) { toggleTheme(); }
    var print = target.closest("[data-print]");
    if (print) { printPage(print.dataset.print === "evidence"); }
    var turns = target.closest("a[data-turns]");
    if (turns) { turning = turns.getAttribute("href"); }
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

  // From one thing to its neighbour, in the direction in which the page runs.
  document.addEventListener("keydown", function (event) {
    var from = event.target instanceof Element ? event.target.closest("[data-arrows] > *") : null;
    if (!from || (event.key !== "ArrowLeft" && event.key !== "ArrowRight")) { return; }
    var onward = (event.key === "ArrowRight") === (getComputedStyle(from).direction === "ltr");
    var next = onward ? from.nextElementSibling : from.previousElementSibling;
    if (next) { event.preventDefault(); next.focus(); }
  });

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

  // What a click has opened further down the page comes into view, once.
  var revealed = "";
  function reveal() {
    var part = document.querySelector("[data-reveal]");
    var key = part ? part.dataset.reveal : "";
    if (key === revealed) { return; }
    revealed = key;
    if (part && key) { part.scrollIntoView({ block: "nearest" }); part.focus({ preventScroll: true }); }
  }

  // Who turned a page or narrowed a list by a link goes on at the top of the list, once its new rows are there.
  var turning = null;
  function turn() {
    var list = turning && document.querySelector("[data-list]");
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

  // Words of the browser's own, in the page's language and not in the browser's.
  function speakOfMissing(event) {
    var field = event.target;
    var words = field.getAttribute("data-missing");
    if (words && field.validity.valueMissing) { field.setCustomValidity(words); }
  }

  document.addEventListener("invalid", speakOfMissing, true);
  document.addEventListener("input", function (event) {
    if (event.target.setCustomValidity) { event.target.setCustomValidity(""); }
  }, true);

  function lookAround() {
    showTitle();
    showPage();
    showDialogs();
    returnFocus();
    reveal();
    turn();
  }
  new MutationObserver(lookAround).observe(
    document.documentElement,
    { childList: true, subtree: true, attributes: true, attributeFilter: ["data-title", "data-spoken", "data-reveal", "data-list"] }
  );
  setInterval(retry, RETRY_MS);
})();
