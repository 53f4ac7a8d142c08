#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "source/base/escape.h"
#include "source/stats/format.h"
#include "source/stats/metric_family.h"

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

void AddHistogram(Families& families, const Snapshot::Distribution& histogram, const PrometheusName& name,
                  HistogramForm form) {
  const std::string labels = OpenLabels(name);
  const std::string next = labels.size() > 1 ? "," : "";
  std::string& lines = families[name.family];
  const HistogramSummary total = Summarize(histogram.cumulative);
  if (form == HistogramForm::kCumulative) {
    const std::vector<uint64_t> below = CountsBelowBounds(histogram.cumulative, histogram.bounds());
    for (size_t i = 0; i < below.size(); ++i) {
      Append(lines, "{}_bucket{}{}le=\"{:.15g}\"}} {}\n", name.family, labels, next, histogram.bounds()[i],
             below[i]);
    }
    Append(lines, "{}_bucket{}{}le=\"+Inf\"}} {}\n", name.family, labels, next, total.count);
  } else {
    for (size_t i = 0; i < kQuantiles.size(); ++i) {
      Append(lines, "{}{}{}quantile=\"{:g}\"}} {:.15g}\n", name.family, labels, next, kQuantiles[i] / 100,
             total.quantiles[i]);
    }
  }
  Append(lines, "{}_sum{}}} {:.15g}\n", name.family, labels, total.sum);
  Append(lines, "{}_count{}}} {}\n", name.family, labels, total.count);
}

}  // namespace

std::string FormatPrometheus(const Snapshot& snapshot, bool with_texts, HistogramForm form) {
  const auto name_of = [&snapshot](const Description& description) {
    return ToPrometheus(description.name(), description.tags(), *snapshot.rules);
  };
  Families counters;
  Families gauges;
  Families histograms;
  for (const Snapshot::Number& number : snapshot.numbers) {
    const PrometheusName name = name_of(*number.description);
    if (number.description->kind == Kind::kCounter) {
      Append(counters[name.family], "{}{}}} {}\n", name.family, OpenLabels(name), number.counter);
    } else {
      Append(gauges[name.family], "{}{}}} {}\n", name.family, OpenLabels(name), GaugeText(number.gauge));
    }
  }
  if (with_texts) {
    for (const Snapshot::Text& text : snapshot.texts) {
      PrometheusName name = name_of(*text.description);
      name.labels.emplace_back("text_value", text.value);
      Append(gauges[name.family], "{}{}}} 0\n", name.family, OpenLabels(name));
    }
  }
  for (const Snapshot::Distribution& histogram : snapshot.histograms) {
    AddHistogram(histograms, histogram, name_of(*histogram.description), form);
  }

  std::string out;
  AppendFamilies(out, counters, "counter");
  AppendFamilies(out, gauges, "gauge");
  AppendFamilies(out, histograms, form == HistogramForm::kCumulative ? "histogram" : "summary");
  return out;
}

std::string FormatPrometheusMessages(const Snapshot& snapshot, bool with_texts, HistogramForm form,
                                     std::optional<uint32_t> native_buckets) {
  using Type = MetricFamily::Type;
  using Messages = std::map<std::string, MetricFamily>;
  const auto name_of = [&snapshot](const Description& description) {
    return ToPrometheus(description.name(), description.tags(), *snapshot.rules);
  };
  const auto in = [](Messages& families, const std::string& name, Type type) -> MetricFamily& {
    return families.try_emplace(name, name, type).first->second;
  };
  Messages counters;
  Messages gauges;
  Messages histograms;
  for (const Snapshot::Number& number : snapshot.numbers) {
    const PrometheusName name = name_of(*number.description);
    if (number.description->kind == Kind::kCounter) {
      in(counters, name.family, Type::kCounter).AddNumber(name.labels, static_cast<double>(number.counter));
    } else {
      in(gauges, name.family, Type::kGauge).AddNumber(name.labels, GaugeNumber(number.gauge));
    }
  }
  if (with_texts) {
    for (const Snapshot::Text& text : snapshot.texts) {
      PrometheusName name = name_of(*text.description);
      name.labels.emplace_back("text_value", text.value);
      in(gauges, name.family, Type::kGauge).AddNumber(name.labels, 0);
    }
  }
  const bool summaries = !native_buckets && form == HistogramForm::kSummary;
  for (const Snapshot::Distribution& histogram : snapshot.histograms) {
    const PrometheusName name = name_of(*histogram.description);
    MetricFamily& family = in(histograms, name.family, summaries ? Type::kSummary : Type::kHistogram);
    if (native_buckets) {
      family.AddNativeHistogram(name.labels, histogram.cumulative, *native_buckets);
    } else if (summaries) {
      family.AddSummary(name.labels, histogram.cumulative);
    } else {
      family.AddHistogram(name.labels, histogram.cumulative, histogram.bounds());
    }
  }
  std::string out;
  for (const Messages* families : {&counters, &gauges, &histograms}) {
    for (const auto& [name, family] : *families) AppendDelimited(out, family.bytes());
  }
  return out;
}

}  // namespace pillion::stats
