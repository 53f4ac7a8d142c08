#include <re2/re2.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "source/admin/endpoints.h"
#include "source/admin/stats_page.h"
#include "source/stats/format.h"
#include "source/stats/metric_family.h"

namespace pillion::admin {
namespace {

constexpr std::string_view kFormatUsage = "usage: /stats?format=(html|active-html|json|prometheus|text)\n";
constexpr std::string_view kBucketsUsage =
    "usage: /stats?histogram_buckets=(cumulative|disjoint|detailed|summary|prometheusnative)\n";
constexpr std::string_view kMessages =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
constexpr std::string_view kHiddenUsage = "usage: /stats?hidden=(include|only|exclude)\n";

// What the query says, with what it points to.
struct StatsQuery {
  stats::Query query;
  std::unique_ptr<const re2::RE2> filter;
  std::optional<stats::HistogramForm> form;  // none: the default of the format
  bool native = false;                       // instead of it
  bool none = false;                         // nothing is asked for
};

// An error text, or empty.
std::string ReadForm(const Request& request, StatsQuery& out) {
  const std::string* form = request.Find("histogram_buckets");
  if (form == nullptr) return "";
  if (*form == "cumulative") {
    out.form = stats::HistogramForm::kCumulative;
  } else if (*form == "disjoint") {
    out.form = stats::HistogramForm::kDisjoint;
  } else if (*form == "detailed") {
    out.form = stats::HistogramForm::kDetailed;
  } else if (*form == "summary" || *form == "none") {
    out.form = stats::HistogramForm::kSummary;
  } else if (*form == "prometheusnative") {
    out.native = true;
  } else {
    return std::string(kBucketsUsage);
  }
  return "";
}

// An error text, or empty.
std::string ReadQuery(const Request& request, StatsQuery& out) {
  out.query.used_only = request.Flag("usedonly");
  if (const std::string* filter = request.Find("filter"); filter != nullptr) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    out.filter = std::make_unique<re2::RE2>(*filter, options);
    if (!out.filter->ok()) return "Invalid re2 regex: " + out.filter->error() + "\n";
    out.query.filter = out.filter.get();
  }
  if (const std::string* type = request.Find("type"); type != nullptr && *type != "All") {
    if (*type == "Counters") {
      out.query.kind = stats::Kind::kCounter;
    } else if (*type == "Gauges") {
      out.query.kind = stats::Kind::kGauge;
    } else if (*type == "Histograms") {
      out.query.kind = stats::Kind::kHistogram;
    } else if (*type == "TextReadouts") {
      out.query.kind = stats::Kind::kText;
    } else {
      return "invalid &type= param\n";
    }
  }
  // No metric is hidden.
  if (const std::string* hidden = request.Find("hidden"); hidden != nullptr) {
    if (*hidden == "only") {
      out.none = true;
    } else if (*hidden != "include" && *hidden != "exclude") {
      return std::string(kHiddenUsage);
    }
  }
  return ReadForm(request, out);
}

stats::Snapshot Read(stats::Registry& stats, const StatsQuery& query) {
  return query.none ? stats::Snapshot() : stats.Read(query.query);
}

// How much who asks likes what `element` of an Accept field names, from 0 to 1; nothing: it is another type, or has not all
// of `parameters`.
std::optional<double> LikingOf(absl::string_view element, absl::string_view type,
                               std::span<const absl::string_view> parameters) {
  const std::vector<absl::string_view> parts = absl::StrSplit(element, ';');
  if (!absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(parts[0]), type)) return std::nullopt;
  double liking = 1;
  size_t found = 0;
  for (size_t i = 1; i < parts.size(); ++i) {
    const absl::string_view part = absl::StripAsciiWhitespace(parts[i]);
    if (absl::StartsWith(part, "q=") && !absl::SimpleAtod(part.substr(2), &liking)) liking = 0;
    for (const absl::string_view parameter : parameters) found += absl::EqualsIgnoreCase(part, parameter) ? 1 : 0;
  }
  return found == parameters.size() ? std::optional(liking) : std::nullopt;
}

// A scraper names what it takes: messages are sent to one that likes text no better.
bool WantsMessages(const Request& request) {
  constexpr absl::string_view kParameters[] = {"proto=io.prometheus.client.MetricFamily", "encoding=delimited"};
  double messages = 0;
  double text = 0;
  for (const absl::string_view element : absl::StrSplit(request.accept, ',')) {
    messages = std::max(messages, LikingOf(element, "application/vnd.google.protobuf", kParameters).value_or(0));
    text = std::max(text, LikingOf(element, "text/plain", {}).value_or(0));
  }
  return messages > 0 && messages >= text;
}

}  // namespace

Reply Endpoints::Stats(const Request& request) {
  const std::string* format = request.Find("format");
  if (format != nullptr && *format == "prometheus") return StatsPrometheus(request);
  const bool active = format != nullptr && *format == "active-html";
  const bool html = active || (format != nullptr && *format == "html");
  if (format != nullptr && !html && *format != "text" && *format != "json") {
    return Reply::Text(400, std::string(kFormatUsage));
  }
  StatsQuery query;
  if (std::string error = ReadQuery(request, query); !error.empty()) return Reply::Text(400, std::move(error));
  if (query.native) return Reply::Text(400, "prometheusnative is a form of /stats/prometheus\n");
  if (active) return Reply::Html(ActiveStatsPage(request));
  if (sources_.flush_stats != nullptr) sources_.flush_stats();
  const stats::Snapshot snapshot = Read(stats_, query);
  const stats::HistogramForm form = query.form.value_or(stats::HistogramForm::kSummary);
  if (html) return Reply::Html(StatsPage(request, snapshot, form));
  if (format != nullptr && *format == "json") return Reply::Json(stats::FormatJson(snapshot, form));
  return Reply::Text(200, stats::FormatText(snapshot, form));
}

Reply Endpoints::StatsPrometheus(const Request& request) {
  StatsQuery query;
  if (std::string error = ReadQuery(request, query); !error.empty()) return Reply::Text(400, std::move(error));
  const stats::HistogramForm form = query.form.value_or(stats::HistogramForm::kCumulative);
  if (form != stats::HistogramForm::kCumulative && form != stats::HistogramForm::kSummary) {
    return Reply::Text(400, "unsupported prometheus histogram bucket mode\n");
  }
  const bool messages = request.Flag("prom_protobuf") || WantsMessages(request);
  if (query.native && !messages) {
    return Reply::Text(400, "unsupported prometheusnative histogram type when not using protobuf exposition format\n");
  }
  std::optional<uint32_t> buckets;
  if (query.native) buckets = stats::MetricFamily::kNativeBuckets;
  if (const std::string* most = request.Find("native_histogram_max_buckets"); most != nullptr) {
    uint32_t value = 0;
    if (!absl::SimpleAtoi(*most, &value) || value == 0) {
      return Reply::Text(400, "invalid native_histogram_max_buckets value: must be a positive integer\n");
    }
    if (buckets) buckets = value;
  }
  if (sources_.flush_stats != nullptr) sources_.flush_stats();
  const stats::Snapshot snapshot = Read(stats_, query);
  const bool with_texts = request.Flag("text_readouts");
  if (messages) {
    Reply reply = Reply::Text(200, stats::FormatPrometheusMessages(snapshot, with_texts, form, buckets));
    reply.content_type = kMessages;
    return reply;
  }
  Reply reply = Reply::Text(200, stats::FormatPrometheus(snapshot, with_texts, form));
  reply.content_type = "text/plain; version=0.0.4; charset=UTF-8";
  return reply;
}

// Metrics are found once, when what they count begins: nothing looks up names while it runs.
Reply Endpoints::RecentLookups(const Request&) {
  return Reply::Text(200, "Lookup tracking is not enabled. Names are not looked up in this process.\n\ntotal: 0\n");
}

Reply Endpoints::ChangeRecentLookups(const Request&) {
  return Reply::Text(501, "Names are not looked up in this process: there is nothing to track.\n");
}

}  // namespace pillion::admin
