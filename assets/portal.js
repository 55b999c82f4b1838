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

  function keepPlace(link) {
    var here = location.pathname + location.search;
    link.href = link.getAttribute("href").split("?")[0] + "?next=" + encodeURIComponent(here);
  }

  document.addEventListener("click", function (event) {
    var target = event.target;
    if (!(target instanceof Element)) { return; }
    if (target.closest("[data-theme-toggle]")) { toggleTheme(); }
    if (target.closest("[data-print]")) { window.print(); }
    if (target.closest("[data-reload]")) { location.reload(); }
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

  function showTitle() {
    var wanted = document.querySelector("[data-title]");
    if (wanted && document.title !== wanted.dataset.title) { document.title = wanted.dataset.title; }
  }

  // React puts a dialog into the page and takes it out; only the browser can make it modal.
  function showDialogs() {
    document.querySelectorAll("dialog[data-modal]:not([open])").forEach(function (dialog) {
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

  new MutationObserver(function () { showTitle(); showDialogs(); }).observe(
    document.documentElement,
    { childList: true, subtree: true, attributes: true, attributeFilter: ["data-title"] }
  );
  setInterval(retry, RETRY_MS);
})();
