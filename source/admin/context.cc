// Requests that have a context (filter pillion.filters.http.context).

#include <fmt/format.h>

#include "source/admin/endpoints.h"
#include "source/admin/json_writer.h"

namespace pillion::admin {
namespace {

std::string ToText(const ContextView& view) {
  std::string out =
      fmt::format("requests in flight: {}, {} of them with a deadline\n", view.in_flight, view.with_deadline);
  if (view.oldest) {
    out += fmt::format("the oldest: began {} ms ago, ", view.oldest->age_ms);
    out += view.oldest->time_left_ms ? fmt::format("{} ms left\n", *view.oldest->time_left_ms) : "without a deadline\n";
  }
  const ContextView::Correlation& table = view.correlation;
  out += fmt::format("correlation: {} of {} records in use, also of requests that have ended; {} made so far\n", table.size,
                     table.capacity, table.remembered);
  if (table.refused > 0) out += fmt::format("for want of room {} were not made\n", table.refused);
  if (table.forgotten > 0) out += fmt::format("for want of room {} went before their grace was over\n", table.forgotten);
  out += fmt::format("outbound requests: {} restored, {} in part, {} unclear, {} unknown\n", table.restored, table.partly,
                     table.unclear, table.unknown);
  return out;
}

std::string ToJson(const ContextView& view) {
  JsonWriter json;
  json.Number64("in_flight", view.in_flight);
  json.Number64("with_deadline", view.with_deadline);
  if (view.oldest) {
    json.BeginObject("oldest");
    json.Raw("age_ms", std::to_string(view.oldest->age_ms));
    if (view.oldest->time_left_ms) json.Raw("time_left_ms", std::to_string(*view.oldest->time_left_ms));
    json.EndObject();
  }
  const ContextView::Correlation& table = view.correlation;
  json.BeginObject("correlation");
  json.Number64("size", table.size);
  json.Number64("capacity", table.capacity);
  json.Number64("remembered", table.remembered);
  json.Number64("refused", table.refused);
  json.Number64("forgotten", table.forgotten);
  json.EndObject();
  json.BeginObject("outbound");
  json.Number64("restored", table.restored);
  json.Number64("partly", table.partly);
  json.Number64("unclear", table.unclear);
  json.Number64("unknown", table.unknown);
  json.EndObject();
  return json.Finish();
}

}  // namespace

Reply Endpoints::Context(const Request& request) {
  const std::optional<bool> json = request.WantsJson();
  if (!json) return Reply::WrongFormat();
  const std::optional<ContextView> view = sources_.context ? sources_.context() : std::nullopt;
  if (!view) return Reply::Text(404, "no listener has the filter pillion.filters.http.context\n");
  return *json ? Reply::Json(ToJson(*view)) : Reply::Text(200, ToText(*view));
}

}  // namespace pillion::admin
