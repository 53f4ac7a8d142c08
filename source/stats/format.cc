#include "source/stats/format.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "source/base/escape.h"

namespace pillion::stats {
namespace {

template <typename... Args>
void Append(std::string& out, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
}

void AppendTextHistogram(std::string& out, const Snapshot::Distribution& histogram) {
  base::AppendPrintable(out, histogram.description->name());
  out += ": ";
  if (histogram.cumulative.count == 0) {
    out += "No recorded values\n";
    return;
  }
  for (size_t i = 0; i < kQuantiles.size(); ++i) {
    Append(out, "{}P{:g}({:g},{:g})", i == 0 ? "" : " ", kQuantiles[i], histogram.interval.quantiles[i],
           histogram.cumulative.quantiles[i]);
  }
  out += '\n';
}

void AppendJsonNumber(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "null";
  } else {
    Append(out, "{:g}", value);
  }
}

void AppendJsonHistograms(std::string& out, const std::vector<Snapshot::Distribution>& histograms) {
  out += "{\"histograms\":{\"supported_quantiles\":[";
  for (size_t i = 0; i < kQuantiles.size(); ++i) Append(out, "{}{:g}", i == 0 ? "" : ",", kQuantiles[i]);
  out += "],\"computed_quantiles\":[";
  for (size_t h = 0; h < histograms.size(); ++h) {
    out += h == 0 ? "{\"name\":" : ",{\"name\":";
    base::AppendJsonString(out, histograms[h].description->name());
    out += ",\"values\":[";
    for (size_t i = 0; i < kQuantiles.size(); ++i) {
      out += i == 0 ? "{\"interval\":" : ",{\"interval\":";
      AppendJsonNumber(out, histograms[h].interval.quantiles[i]);
      out += ",\"cumulative\":";
      AppendJsonNumber(out, histograms[h].cumulative.quantiles[i]);
      out += '}';
    }
    out += "]}";
  }
  out += "]}}";
}

}  // namespace

std::string FormatText(const Snapshot& snapshot) {
  std::string out;
  for (const Snapshot::Text& text : snapshot.texts) {
    base::AppendPrintable(out, text.description->name());
    out += ": \"";
    base::AppendPrintable(out, text.value);
    out += "\"\n";
  }
  for (const Snapshot::Number& number : snapshot.numbers) {
    base::AppendPrintable(out, number.description->name());
    if (number.description->kind == Kind::kCounter) {
      Append(out, ": {}\n", number.counter);
    } else {
      Append(out, ": {}\n", number.gauge);
    }
  }
  for (const Snapshot::Distribution& histogram : snapshot.histograms) AppendTextHistogram(out, histogram);
  return out;
}

std::string FormatJson(const Snapshot& snapshot) {
  std::string out = "{\"stats\":[";
  const auto separate = [&out] {
    if (out.back() != '[') out += ',';
  };
  for (const Snapshot::Text& text : snapshot.texts) {
    separate();
    out += "{\"name\":";
    base::AppendJsonString(out, text.description->name());
    out += ",\"value\":";
    base::AppendJsonString(out, text.value);
    out += '}';
  }
  for (const Snapshot::Number& number : snapshot.numbers) {
    separate();
    out += "{\"name\":";
    base::AppendJsonString(out, number.description->name());
    if (number.description->kind == Kind::kCounter) {
      Append(out, ",\"value\":{}}}", number.counter);
    } else {
      Append(out, ",\"value\":{}}}", number.gauge);
    }
  }
  if (!snapshot.histograms.empty()) {
    separate();
    AppendJsonHistograms(out, snapshot.histograms);
  }
  out += "]}\n";
  return out;
}

}  // namespace pillion::stats
