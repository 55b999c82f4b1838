"""A page whose scripts are gone loads itself again, with a sentence while that does not help yet.

While one version of the portal replaces another, a page of the one may ask a process of the other for its scripts.
Those are named after their content, so the answer is 404, and without this the page would stay dead. Where nobody
answers at all it stays as it is: the browser's own page would say less.
"""

import json

from backend.i18n.catalog import text

_SOON_MS = 1_500
_LATER_MS = 10_000

# The first script of a page: it must be there before another one can fail.
RELOAD_WHEN_SCRIPTS_ARE_GONE = (
    """
(function () {
  var waits = false;
  var reloadedAt = function () {
    try { return Number(sessionStorage.getItem('reloaded_at')); } catch (_) { return 0; }
  };
  var say = function () {
    var note = document.createElement('p');
    note.className = 'note warn';
    note.setAttribute('role', 'alert');
    note.textContent = document.documentElement.lang === 'en' ? ENGLISH : PERSIAN;
    document.body.prepend(note);
  };
  var again = function () {
    fetch('/healthz', { cache: 'no-store' }).then(function (answer) {
      if (!answer.ok) { throw answer; }
      try { sessionStorage.setItem('reloaded_at', String(Date.now())); } catch (_) {}
      location.reload();
    }).catch(function () { setTimeout(again, LATER_MS); });
  };
  var wait = function () {
    if (waits) { return; }
    waits = true;
    var isFirst = Date.now() - reloadedAt() > 2 * LATER_MS;
    if (!isFirst) { say(); }
    setTimeout(again, isFirst ? SOON_MS : LATER_MS);
  };
  window.addEventListener('error', function (event) {
    var part = event.target;
    if (part instanceof HTMLScriptElement && part.type === 'module') { wait(); }
  }, true);
  // The first script imports the others, and each browser says in its own words that it cannot.
  window.addEventListener('unhandledrejection', function (event) {
    if (/import(ed|ing a) module/i.test(String(event.reason))) { wait(); }
  });
})();
""".replace("SOON_MS", str(_SOON_MS))
    .replace("LATER_MS", str(_LATER_MS))
    .replace("ENGLISH", json.dumps(text("state.scripts_gone", "en")))
    .replace("PERSIAN", json.dumps(text("state.scripts_gone", "fa")))
)
