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

// Interval and whole, by bound; `disjoint`: between the bounds.
struct Below {
  Below(const Snapshot::Distribution& histogram, bool disjoint)
      : interval(CountsBelowBounds(histogram.interval, histogram.bounds())),
        cumulative(CountsBelowBounds(histogram.cumulative, histogram.bounds())) {
    for (std::vector<uint64_t>* counts : {&interval, &cumulative}) {
      for (size_t i = counts->size(); disjoint && i-- > 1;) (*counts)[i] -= (*counts)[i - 1];
    }
  }
  std::vector<uint64_t> interval;
  std::vector<uint64_t> cumulative;
};

double WidthOf(uint16_t index) {
  return static_cast<double>(HistogramLayout::Lowest(index + 1u) - HistogramLayout::Lowest(index));
}

void AppendTextQuantiles(std::string& out, const Snapshot::Distribution& histogram) {
  const HistogramSummary interval = Summarize(histogram.interval);
  const HistogramSummary cumulative = Summarize(histogram.cumulative);
  for (size_t i = 0; i < kQuantiles.size(); ++i) {
    Append(out, "{}P{:g}({:g},{:g})", i == 0 ? "" : " ", kQuantiles[i], interval.quantiles[i],
           cumulative.quantiles[i]);
  }
  out += '\n';
}

void AppendTextCounts(std::string& out, std::string_view name, const SparseCounts& counts) {
  Append(out, "  {}=", name);
  for (const auto& [index, count] : counts) {
    Append(out, "{}{},{:g}:{}", index == counts.front().first ? "" : ", ", HistogramLayout::Lowest(index),
           WidthOf(index), count);
  }
  out += '\n';
}

void AppendTextHistogram(std::string& out, const Snapshot::Distribution& histogram, HistogramForm form) {
  base::AppendPrintable(out, histogram.description->name());
  out += ':';
  if (form == HistogramForm::kDetailed) {
    out += '\n';
    AppendTextCounts(out, "totals", histogram.cumulative);
    AppendTextCounts(out, "intervals", histogram.interval);
    out += "  summary=";
    return AppendTextQuantiles(out, histogram);
  }
  if (histogram.cumulative.empty()) {
    out += " No recorded values\n";
    return;
  }
  if (form == HistogramForm::kSummary) {
    out += ' ';
    return AppendTextQuantiles(out, histogram);
  }
  const Below below(histogram, form == HistogramForm::kDisjoint);
  for (size_t i = 0; i < below.cumulative.size(); ++i) {
    Append(out, " B{:.15g}({},{})", histogram.bounds()[i], below.interval[i], below.cumulative[i]);
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

void AppendJsonQuantiles(std::string& out, const Snapshot::Distribution& histogram) {
  const HistogramSummary interval = Summarize(histogram.interval);
  const HistogramSummary cumulative = Summarize(histogram.cumulative);
  for (size_t i = 0; i < kQuantiles.size(); ++i) {
    out += i == 0 ? "[{\"interval\":" : ",{\"interval\":";
    AppendJsonNumber(out, interval.quantiles[i]);
    out += ",\"cumulative\":";
    AppendJsonNumber(out, cumulative.quantiles[i]);
    out += '}';
  }
  out += ']';
}

void AppendJsonCounts(std::string& out, std::string_view name, const SparseCounts& counts) {
  Append(out, ",\"{}\":[", name);
  for (const auto& [index, count] : counts) {
    Append(out, "{}{{\"lower_bound\":{},\"width\":{:g},\"count\":{}}}", index == counts.front().first ? "" : ",",
           HistogramLayout::Lowest(index), WidthOf(index), count);
  }
  out += ']';
}

void AppendJsonBuckets(std::string& out, const Snapshot::Distribution& histogram, bool disjoint) {
  const Below below(histogram, disjoint);
  out += ",\"buckets\":[";
  for (size_t i = 0; i < below.cumulative.size(); ++i) {
    Append(out, "{}{{\"upper_bound\":{:.15g},\"interval\":{},\"cumulative\":{}}}", i == 0 ? "" : ",",
           histogram.bounds()[i], below.interval[i], below.cumulative[i]);
  }
  out += ']';
}

void AppendJsonHistograms(std::string& out, const std::vector<Snapshot::Distribution>& histograms,
                          HistogramForm form) {
  const bool buckets = form == HistogramForm::kCumulative || form == HistogramForm::kDisjoint;
  const bool detailed = form == HistogramForm::kDetailed;
  out += "{\"histograms\":";
  if (!buckets) {
    out += detailed ? "{\"supported_percentiles\":" : "{\"supported_quantiles\":";
    for (size_t i = 0; i < kQuantiles.size(); ++i) Append(out, "{}{:g}", i == 0 ? "[" : ",", kQuantiles[i]);
    out += detailed ? "],\"details\":" : "],\"computed_quantiles\":";
  }
  out += '[';
  for (const Snapshot::Distribution& histogram : histograms) {
    if (out.back() == '}') out += ',';
    out += "{\"name\":";
    base::AppendJsonString(out, histogram.description->name());
    if (buckets) {
      AppendJsonBuckets(out, histogram, form == HistogramForm::kDisjoint);
    } else {
      if (detailed) AppendJsonCounts(out, "totals", histogram.cumulative);
      if (detailed) AppendJsonCounts(out, "intervals", histogram.interval);
      out += detailed ? ",\"percentiles\":" : ",\"values\":";
      AppendJsonQuantiles(out, histogram);
    }
    out += '}';
  }
  out += buckets ? "]}" : "]}}";
}

}  // namespace

std::string FormatText(const Snapshot& snapshot, HistogramForm form) {
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
      Append(out, ": {}\n", GaugeText(number.gauge));
    }
  }
  for (const Snapshot::Distribution& histogram : snapshot.histograms) AppendTextHistogram(out, histogram, form);
  return out;
}

std::string FormatJson(const Snapshot& snapshot, HistogramForm form) {
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
      Append(out, ",\"value\":{}}}", GaugeText(number.gauge));
    }
  }
  if (!snapshot.histograms.empty()) {
    separate();
    AppendJsonHistograms(out, snapshot.histograms, form);
  }
  out += "]}\n";
  return out;
}

}  // namespace pillion::stats
