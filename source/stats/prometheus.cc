#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "source/base/escape.h"
#include "source/stats/format.h"

namespace pillion::stats {
namespace {

template <typename... Args>
void Append(std::string& out, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
}

// A label's value may hold any UTF-8 but a raw newline, quote or backslash. A scrape with invalid UTF-8 is refused
// whole, so broken bytes become U+FFFD, and so do the other control characters.
std::string EscapeLabel(std::string_view value) {
  std::string out;
  while (!value.empty()) {
    const size_t length = base::Utf8Length(value);
    const unsigned char first = static_cast<unsigned char>(value[0]);
    if (value[0] == '\\' || value[0] == '"') {
      out += '\\';
      out += value[0];
    } else if (value[0] == '\n') {
      out += "\\n";
    } else if (length == 0 || first < 0x20 || first == 0x7f) {
      out += "\xef\xbf\xbd";
    } else {
      out.append(value, 0, length);
    }
    value.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

// The labels without the closing brace, so that one more can follow.
std::string OpenLabels(const PrometheusName& name) {
  std::string out = "{";
  for (const auto& [label, value] : name.labels) {
    Append(out, "{}{}=\"{}\"", out.size() > 1 ? "," : "", label, EscapeLabel(value));
  }
  return out;
}

// The sample lines of each family: one block per family whatever the order of the names was.
using Families = std::map<std::string, std::string>;

void AppendFamilies(std::string& out, const Families& families, std::string_view type) {
  for (const auto& [family, lines] : families) Append(out, "# TYPE {} {}\n{}", family, type, lines);
}

void AddHistogram(Families& families, const Snapshot::Distribution& histogram) {
  const PrometheusName name = ToPrometheus(histogram.description->name(), histogram.description->tags());
  const std::string labels = OpenLabels(name);
  const std::string bucket = fmt::format("{}_bucket{}{}le=\"", name.family, labels, labels.size() > 1 ? "," : "");
  std::string& lines = families[name.family];
  for (size_t i = 0; i < kPrometheusBounds.size(); ++i) {
    Append(lines, "{}{:.15g}\"}} {}\n", bucket, kPrometheusBounds[i], histogram.below[i]);
  }
  const HistogramSummary& total = histogram.cumulative;
  Append(lines, "{}+Inf\"}} {}\n", bucket, total.count);
  Append(lines, "{}_sum{}}} {:.15g}\n", name.family, labels, total.sum);
  Append(lines, "{}_count{}}} {}\n", name.family, labels, total.count);
}

}  // namespace

std::string FormatPrometheus(const Snapshot& snapshot, bool with_texts) {
  Families counters;
  Families gauges;
  Families histograms;
  for (const Snapshot::Number& number : snapshot.numbers) {
    const PrometheusName name = ToPrometheus(number.description->name(), number.description->tags());
    if (number.description->kind == Kind::kCounter) {
      Append(counters[name.family], "{}{}}} {}\n", name.family, OpenLabels(name), number.counter);
    } else {
      Append(gauges[name.family], "{}{}}} {}\n", name.family, OpenLabels(name), number.gauge);
    }
  }
  if (with_texts) {
    for (const Snapshot::Text& text : snapshot.texts) {
      PrometheusName name = ToPrometheus(text.description->name(), text.description->tags());
      name.labels.emplace_back("text_value", text.value);
      Append(gauges[name.family], "{}{}}} 0\n", name.family, OpenLabels(name));
    }
  }
  for (const Snapshot::Distribution& histogram : snapshot.histograms) AddHistogram(histograms, histogram);

  std::string out;
  AppendFamilies(out, counters, "counter");
  AppendFamilies(out, gauges, "gauge");
  AppendFamilies(out, histograms, "histogram");
  return out;
}

}  // namespace pillion::stats
