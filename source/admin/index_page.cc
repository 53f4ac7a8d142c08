// The page at `/`: what a person wants to see first. It is whole without scripts (state, links, buttons); with
// them it also shows live figures, read from the JSON endpoints and written as text only, never as markup.

#include <fmt/format.h>

#include <iterator>

#include "source/admin/endpoints.h"
#include "source/admin/page.h"

namespace pillion::admin {
namespace {

template <typename... Args>
void Append(std::string& out, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
}

// Shown when there are scripts to fill it.
constexpr std::string_view kLive = R"html(<div id="live" hidden>
<div class="tiles">
<div class="tile"><b id="rate">-</b>requests/s</div>
<div class="tile"><b id="active">-</b>requests now</div>
<div class="tile"><b id="errors">-</b>5xx/s</div>
<div class="tile"><b id="connections">-</b>connections</div>
<div class="tile"><b id="memory">-</b>memory</div>
</div>
<h2>Clusters</h2>
<table>
<thead><tr><th>name</th><th>healthy hosts</th><th class="number">requests/s</th>
<th class="number">requests now</th>
<th class="number">connections</th><th class="number">5xx</th></tr></thead>
<tbody id="clusters"></tbody>
</table>
<h2>Listeners</h2>
<table>
<thead><tr><th>name</th><th>address</th></tr></thead>
<tbody id="listeners"></tbody>
</table>
</div>
)html";

constexpr std::string_view kScript = R"js(
'use strict';
const text = (id, value) => { document.getElementById(id).textContent = value; };
const get = async path => (await fetch(path)).json();
const short = n => Number.isNaN(n) ? '-' : n >= 1e6 ? (n / 1e6).toFixed(1) + ' M' : n >= 1e4 ? (n / 1e3).toFixed(1) + ' k'
    : String(Math.round(n * 10) / 10);
const rows = (id, list) => {
  const body = document.getElementById(id);
  body.replaceChildren(...list.map(cells => {
    const row = document.createElement('tr');
    cells.forEach((cell, i) => {
      const field = document.createElement('td');
      field.textContent = typeof cell === 'number' ? short(cell) : cell;
      if (typeof cell === 'number') field.className = 'number';
      row.append(field);
    });
    return row;
  }));
};
let last = null;
async function refresh() {
  const [info, stats, clusters, listeners, memory] = await Promise.all([get('/server_info'),
      get('/stats?format=json&filter=^http[.].*downstream_(rq_total|rq_5xx|rq_active|cx_active)$' +
          '|^cluster[.].*upstream_(rq_total|rq_active|rq_5xx|cx_active)$'),
      get('/clusters?format=json'), get('/listeners?format=json'), get('/memory')]);
  const state = document.getElementById('state');
  state.textContent = info.state;
  state.className = 'state ' + info.state;
  text('uptime', info.uptime_current_epoch);
  const values = stats.stats.filter(s => 'value' in s).map(s => [s.name, s.value]);
  const now = {time: performance.now(), values: new Map(values)};
  const value = name => now.values.get(name) || 0;
  const rate = name => !last ? NaN  // not known before the second look
      : Math.max(0, value(name) - (last.values.get(name) || 0)) * 1000 / (now.time - last.time);
  const all = (pattern, of) => [...now.values.keys()]
      .filter(name => pattern.test(name) && !name.startsWith('http.admin.'))
      .reduce((sum, name) => sum + of(name), 0);
  text('rate', short(all(/^http[.].*downstream_rq_total$/, rate)));
  text('active', short(all(/^http[.].*downstream_rq_active$/, value)));
  text('errors', short(all(/^http[.].*downstream_rq_5xx$/, rate)));
  text('connections', short(all(/^http[.].*downstream_cx_active$/, value)));
  text('memory', (memory.total_physical_bytes / 1048576).toFixed(1) + ' MiB');
  rows('clusters', (clusters.cluster_statuses || []).map(c => {
    const hosts = c.host_statuses || [];
    const healthy = hosts.filter(h => Object.keys(h.health_status).length === 1).length;
    const stat = 'cluster.' + (c.observability_name || c.name).replaceAll(':', '_') + '.upstream_';
    return [c.name, healthy + ' of ' + hosts.length, rate(stat + 'rq_total'), value(stat + 'rq_active'),
            value(stat + 'cx_active'), value(stat + 'rq_5xx')];
  }));
  rows('listeners', (listeners.listener_statuses || []).map(l => {
    const a = l.local_address;
    const s = a.socket_address;
    const host = s && (s.address.includes(':') ? '[' + s.address + ']' : s.address);
    return [l.name, s ? host + ':' + s.port_value : a.pipe.path];
  }));
  last = now;
  text('problem', '');
}
async function loop() {
  try { await refresh(); } catch (error) { text('problem', 'no answer: ' + error.message); }
  setTimeout(loop, 2000);
}
for (const form of document.querySelectorAll('form[method=post]')) {
  form.addEventListener('submit', event => {
    if (!confirm(new URL(form.action).pathname + '?')) event.preventDefault();
  });
}
document.getElementById('live').hidden = false;
loop();
)js";

void AppendEndpoint(std::string& out, const Endpoint& endpoint) {
  if (endpoint.changes) {
    Append(out, "<tr><td>{}</td>", endpoint.path);
  } else {
    Append(out, "<tr><td><a href=\"{0}\">{0}</a></td>", endpoint.path);
  }
  Append(out, "<td>{}</td><td>", EscapeHtml(endpoint.help));
  if (endpoint.changes || !endpoint.parameters.empty()) {
    Append(out, "<form method=\"{}\" action=\"{}\">", endpoint.changes ? "post" : "get", endpoint.path);
    // What a form sends would be taken for the body.
    if (!endpoint.takes_body) {
      for (const Parameter& parameter : endpoint.parameters) AppendInput(out, parameter, nullptr);
    }
    Append(out, "<button>{}</button></form>", endpoint.changes ? "Do it" : "Show");
  }
  out += "</td></tr>\n";
}

}  // namespace

Reply Endpoints::IndexPage(const Request&) {
  const std::string_view state = StateName(sources_.state());
  std::string out = PageHead("pillion");
  const std::string& node = sources_.node.id;
  Append(out,
         "<header><h1>pillion</h1><span id=\"state\" class=\"state {0}\">{0}</span>"
         "<span class=\"dim\">{1}{2} &middot; up <span id=\"uptime\">{3}s</span></span>"
         "<a href=\"/stats?format=html&amp;usedonly\">metrics</a>"
         "<a href=\"/stats?format=active-html\">what changes</a>"
         "<span id=\"problem\" class=\"dim\"></span></header>\n",
         state, node.empty() ? "" : EscapeHtml(node) + " &middot; ", EscapeHtml(sources_.version),
         sources_.uptime().count());
  out += kLive;
  out += "<h2>Endpoints</h2>\n<table class=\"endpoints\">\n";
  for (const Endpoint& endpoint : All()) {
    if (endpoint.path != "/") AppendEndpoint(out, endpoint);
  }
  out += "</table>\n<script>";
  out += kScript;
  out += "</script>\n</body>\n</html>\n";
  return Reply::Html(std::move(out));
}

}  // namespace pillion::admin
