#include "source/admin/stats_page.h"

#include <string_view>

#include "source/admin/page.h"

namespace pillion::admin {
namespace {

// Seconds between two looks, and how many metrics are shown: what the page costs the process, and the browser.
constexpr std::string_view kScript = R"js(
'use strict';
const text = (id, value) => { document.getElementById(id).textContent = value; };
const number = (id, least, most) => {
  const value = Number(document.getElementById(id).value);
  return Number.isFinite(value) ? Math.min(Math.max(value, least), most) : least;
};
const seen = new Map();  // name: {value, changes, at}
function take(name, value) {
  const known = seen.get(name);
  if (!known) {
    seen.set(name, {value, changes: 0, at: 0});
  } else if (known.value !== value) {
    known.value = value;
    known.changes++;
    known.at = Date.now();
  }
}
function show() {
  const most = number('most', 1, 1000);
  const all = [...seen.entries()].filter(([, entry]) => entry.changes > 0);
  all.sort((a, b) => b[1].changes - a[1].changes || b[1].at - a[1].at || (a[0] < b[0] ? -1 : 1));
  document.getElementById('rows').replaceChildren(...all.slice(0, most).map(([name, entry]) => {
    const row = document.createElement('tr');
    for (const cell of [name, entry.value, entry.changes]) {
      const field = document.createElement('td');
      field.textContent = cell;
      if (typeof cell === 'number') field.className = 'number';
      row.append(field);
    }
    return row;
  }));
  text('problem', all.length > most ? (all.length - most) + ' more have changed' : '');
}
async function refresh() {
  const query = new URLSearchParams(location.search);
  query.set('format', 'json');
  const answer = await fetch('/stats?' + query);
  if (!answer.ok) throw new Error(await answer.text());
  const names = new Set();
  for (const stat of (await answer.json()).stats) {
    if ('name' in stat) {
      take(stat.name, stat.value);
      names.add(stat.name);
    }
    const quantiles = stat.histograms && stat.histograms.supported_quantiles;
    for (const histogram of quantiles ? stat.histograms.computed_quantiles : []) {
      const shown = histogram.values.map((v, i) => 'P' + quantiles[i] + ' ' + (v.cumulative ?? '-')).join(', ');
      take(histogram.name, shown);
      names.add(histogram.name);
    }
  }
  for (const name of seen.keys()) if (!names.has(name)) seen.delete(name);
  show();
}
async function loop() {
  if (!document.hidden) {
    try { await refresh(); } catch (error) { text('problem', 'no answer: ' + error.message); }
  }
  setTimeout(loop, number('interval', 1, 3600) * 1000);
}
document.getElementById('most').addEventListener('change', show);
loop();
)js";

// The page up to what it is about: its form has what was asked for.
std::string Begin(const Request& request) {
  std::string out = PageHead("pillion: metrics");
  out += "<header><h1>metrics</h1><a href=\"/\">pillion</a><span id=\"problem\" class=\"dim\"></span></header>\n"
         "<p><form method=\"get\" action=\"/stats\">";
  const Endpoint& endpoint = *Endpoints::Find("/stats");
  for (const Parameter& parameter : endpoint.parameters) {
    const bool flag = parameter.kind == Parameter::Kind::kFlag;
    static const std::string kOn = "on";
    const std::string* const value = !flag ? request.Find(parameter.name) : request.Flag(parameter.name) ? &kOn : nullptr;
    AppendInput(out, parameter, value);
  }
  out += "<button>Show</button></form></p>\n";
  return out;
}

void AppendRow(std::string& out, std::string_view name, std::string_view value, bool number) {
  out += "<tr><td>";
  out += EscapeHtml(name);
  out += number ? "</td><td class=\"number\">" : "</td><td>";
  out += EscapeHtml(value);
  out += "</td></tr>\n";
}

}  // namespace

std::string StatsPage(const Request& request, const stats::Snapshot& snapshot, stats::HistogramForm form) {
  std::string out = Begin(request);
  out += "<table class=\"stats\">\n<thead><tr><th>name</th><th>value</th></tr></thead>\n<tbody>\n";
  // As the text has them, whose lines are `name: value`, but of a histogram in detail, which has more: two blanks in front.
  const std::string text = stats::FormatText(snapshot, form);
  for (std::string_view rest = text; !rest.empty();) {
    const size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (line.starts_with("  ")) {
      AppendRow(out, "", line.substr(2), false);
      continue;
    }
    // A name may have ": " in it, and what a text says, too: numbers have their value behind the last one.
    const bool is_text = line.ends_with('"');
    const size_t colon = is_text ? line.find(": \"") : line.rfind(": ");
    const std::string_view name = line.substr(0, colon == std::string_view::npos ? line.rfind(':') : colon);
    const std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 2);
    AppendRow(out, name, value, !value.empty() && value.find_first_not_of("0123456789-") == std::string_view::npos);
  }
  out += "</tbody>\n</table>\n</body>\n</html>\n";
  return out;
}

std::string ActiveStatsPage(const Request& request) {
  std::string out = Begin(request);
  out += "<p><label>every <input id=\"interval\" type=\"number\" min=\"1\" max=\"3600\" value=\"5\"> s</label>"
         "<label>at most <input id=\"most\" type=\"number\" min=\"1\" max=\"1000\" value=\"100\"> metrics</label></p>\n"
         "<table class=\"stats\">\n<thead><tr><th>name</th><th>value</th><th class=\"number\">changes</th></tr></thead>\n"
         "<tbody id=\"rows\"></tbody>\n</table>\n<noscript>This page needs its script; format=html does not.</noscript>\n"
         "<script>";
  out += kScript;
  out += "</script>\n</body>\n</html>\n";
  return out;
}

}  // namespace pillion::admin
