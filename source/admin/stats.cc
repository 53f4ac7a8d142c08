#include <re2/re2.h>

#include <memory>

#include "source/admin/endpoints.h"
#include "source/stats/format.h"

namespace pillion::admin {
namespace {

constexpr std::string_view kUsage =
    "usage: "
    "/stats?format=text|json|prometheus&usedonly&filter=REGEX&type=All|Counters|Gauges|Histograms|TextReadouts\n";

// What the query says, with what it points to.
struct StatsQuery {
  stats::Query query;
  std::unique_ptr<const re2::RE2> filter;
};

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
      return std::string(kUsage);
    }
  }
  return "";
}

}  // namespace

Reply Endpoints::Stats(const Request& request) {
  const std::string* format = request.Find("format");
  if (format != nullptr && *format == "prometheus") return StatsPrometheus(request);
  if (format != nullptr && *format != "text" && *format != "json") {
    return Reply::Text(400, std::string(kUsage));
  }
  const std::string* buckets = request.Find("histogram_buckets");
  if (buckets != nullptr && *buckets != "summary") {
    return Reply::Text(400, "histogram_buckets: only summary is supported\n");
  }
  StatsQuery query;
  if (std::string error = ReadQuery(request, query); !error.empty()) return Reply::Text(400, std::move(error));
  const stats::Snapshot snapshot = stats_.Read(query.query);
  if (format != nullptr && *format == "json") return Reply::Json(stats::FormatJson(snapshot));
  return Reply::Text(200, stats::FormatText(snapshot));
}

Reply Endpoints::StatsPrometheus(const Request& request) {
  const std::string* buckets = request.Find("histogram_buckets");
  if (buckets != nullptr && *buckets != "cumulative") {
    return Reply::Text(400, "histogram_buckets: only cumulative is supported\n");
  }
  StatsQuery query;
  if (std::string error = ReadQuery(request, query); !error.empty()) return Reply::Text(400, std::move(error));
  Reply reply = Reply::Text(200, stats::FormatPrometheus(stats_.Read(query.query), request.Flag("text_readouts")));
  reply.content_type = "text/plain; version=0.0.4; charset=UTF-8";
  return reply;
}

}  // namespace pillion::admin
