#include "source/admin/page.h"

#include <fmt/format.h>

#include <iterator>

namespace pillion::admin {
namespace {

template <typename... Args>
void Append(std::string& out, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
}

constexpr std::string_view kStyle = R"css(
:root { color-scheme: light dark; --line: #8884; --dim: #888; --accent: #2f6fdb; --good: #1a8f4c; --bad: #c8372d; }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 66rem; margin: 0 auto; padding: 1.2rem; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: .3rem 1rem; }
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
.dim { color: var(--dim); }
.state { padding: .05rem .6rem; border-radius: 1rem; color: #fff; background: var(--bad); font-size: .85rem; }
.state.LIVE { background: var(--good); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .7rem;
  margin-top: 1.2rem; }
.tile { border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .8rem; }
.tile b { display: block; font-size: 1.5rem; font-weight: 600; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; }
tr { border-bottom: 1px solid var(--line); }
th { font-weight: 500; color: var(--dim); font-size: .85rem; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.endpoints td:first-child { white-space: nowrap; padding-right: 1.5rem; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
form { display: inline; margin: 0; }
input, select { font: inherit; font-size: .85rem; margin: .1rem .4rem .1rem 0; }
input:not([type]) { width: 8.5rem; }
label { font-size: .85rem; margin-right: .3rem; white-space: nowrap; }
button { font: inherit; font-size: .85rem; padding: .1rem .7rem; cursor: pointer; }
.stats td { overflow-wrap: anywhere; }
.stats td.number { white-space: nowrap; }
)css";

}  // namespace

std::string EscapeHtml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string PageHead(std::string_view title) {
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width\">\n";
  Append(out, "<title>{}</title>\n<style>", EscapeHtml(title));
  out += kStyle;
  out += "</style>\n</head>\n<body>\n";
  return out;
}

void AppendInput(std::string& out, const Parameter& parameter, const std::string* value) {
  const std::string help = EscapeHtml(parameter.help);
  switch (parameter.kind) {
    case Parameter::Kind::kText:
      Append(out, "<input name=\"{0}\" placeholder=\"{0}\" title=\"{1}\"", parameter.name, help);
      if (value != nullptr) Append(out, " value=\"{}\"", EscapeHtml(*value));
      out += '>';
      return;
    case Parameter::Kind::kFlag:
      Append(out, "<label title=\"{1}\"><input type=\"checkbox\" name=\"{0}\"{2}>{0}</label>", parameter.name, help,
             value != nullptr ? " checked" : "");
      return;
    case Parameter::Kind::kChoice:
      break;
  }
  if (parameter.choices.find('|') == std::string_view::npos) return;  // nothing to choose
  Append(out, "<select name=\"{}\" title=\"{}\">", parameter.name, help);
  for (std::string_view rest = parameter.choices;;) {
    const std::string_view choice = rest.substr(0, rest.find('|'));
    Append(out, "<option value=\"{}\"{}>{}</option>", choice, value != nullptr && *value == choice ? " selected" : "",
           choice.empty() ? parameter.name : choice);
    if (choice.size() == rest.size()) break;
    rest.remove_prefix(choice.size() + 1);
  }
  out += "</select>";
}

}  // namespace pillion::admin
