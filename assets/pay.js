// For the plain pages: the theme where no cookie names one, and the way to the bank.
// The page itself is replaced, so that the bank's back button leads to the invoice and not here again.
(function () {
  "use strict";
  var READING_MS = 1200;
  var root = document.documentElement;
  if (!root.dataset.theme && window.matchMedia("(prefers-color-scheme: dark)").matches) { root.dataset.theme = "dark"; }
  document.addEventListener("DOMContentLoaded", function () {
    var way = document.querySelector("a[data-start]");
    if (way) { setTimeout(function () { location.replace(way.href); }, READING_MS); }
  });
})();
