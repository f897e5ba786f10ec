(function () {
  var root = document.documentElement;
  // A page opened from a file may have no storage.
  function recall(key) { try { return localStorage.getItem(key); } catch (error) { return null; } }
  function keep(key, value) { try { localStorage.setItem(key, value); } catch (error) { return; } }
  function speak(language) {
    root.lang = language;
    root.dataset.lang = language;
    document.title = root.getAttribute("data-title-" + language);
  }
  function isDark() {
    var chosen = root.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  }
  speak(recall("language") || (/^zh/.test(navigator.language) ? "zh" : "en"));
  if (recall("theme")) { root.dataset.theme = recall("theme"); }
  document.getElementById("language").onclick = function () {
    var language = root.dataset.lang === "en" ? "zh" : "en";
    speak(language);
    keep("language", language);
  };
  document.getElementById("theme").onclick = function () {
    var theme = isDark() ? "light" : "dark";
    root.dataset.theme = theme;
    keep("theme", theme);
  };
})();
