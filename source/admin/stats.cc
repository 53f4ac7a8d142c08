#include <re2/re2.h>

#include <memory>
#include <optional>

#include "source/admin/endpoints.h"
#include "source/stats/format.h"

namespace pillion::admin {
namespace {

constexpr std::string_view kFormatUsage = "usage: /stats?format=(json|prometheus|text)\n";
constexpr std::string_view kBucketsUsage = "usage: /stats?histogram_buckets=(cumulative|disjoint|detailed|summary)\n";
constexpr std::string_view kHiddenUsage = "usage: /stats?hidden=(include|only|exclude)\n";

// What the query says, with what it points to.
struct StatsQuery {
  stats::Query query;
  std::unique_ptr<const re2::RE2> filter;
  std::optional<stats::HistogramForm> form;  // none: the default of the format
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

}  // namespace

Reply Endpoints::Stats(const Request& request) {
  const std::string* format = request.Find("format");
  if (format != nullptr && *format == "prometheus") return StatsPrometheus(request);
  if (format != nullptr && *format != "text" && *format != "json") return Reply::Text(400, std::string(kFormatUsage));
  StatsQuery query;
  if (std::string error = ReadQuery(request, query); !error.empty()) return Reply::Text(400, std::move(error));
  const stats::Snapshot snapshot = Read(stats_, query);
  const stats::HistogramForm form = query.form.value_or(stats::HistogramForm::kSummary);
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
  Reply reply = Reply::Text(200, stats::FormatPrometheus(Read(stats_, query), request.Flag("text_readouts"), form));
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
