// Rules of limits (filter pillion.filters.http.limit), and what they keep.

#include <fmt/format.h>

#include "source/admin/endpoints.h"
#include "source/admin/json_writer.h"

namespace pillion::admin {
namespace {

std::string ToText(const std::vector<LimitView>& limits) {
  std::string out;
  for (const LimitView& limit : limits) {
    out += fmt::format("{}: {}\n", limit.name, limit.terms);
    out += fmt::format("  {} of {} keys; {} expired, {} made room, {} times there was none\n", limit.keys, limit.capacity,
                       limit.expired, limit.evicted, limit.without_room);
    if (limit.waiting > 0) out += fmt::format("  {} waiting\n", limit.waiting);
    for (const LimitView::Key& key : limit.refused) {
      out += fmt::format("  refused {}: {} times, {} s ago; left: {}\n", key.name, key.refused, key.seconds, key.left);
    }
  }
  return out;
}

std::string ToJson(const std::vector<LimitView>& limits) {
  JsonWriter json;
  json.BeginArray("limits");
  for (const LimitView& limit : limits) {
    json.BeginElement();
    json.String("name", limit.name);
    json.String("terms", limit.terms);
    json.Number64("keys", limit.keys);
    json.Number64("capacity", limit.capacity);
    json.Number64("expired", limit.expired);
    json.Number64("evicted", limit.evicted);
    json.Number64("without_room", limit.without_room);
    json.Number64("waiting", limit.waiting);
    if (!limit.refused.empty()) {
      json.BeginArray("refused");
      for (const LimitView::Key& key : limit.refused) {
        json.BeginElement();
        json.String("key", key.name);
        json.Number64("times", key.refused);
        json.Number64("seconds_ago", key.seconds);
        json.String("left", key.left);
        json.EndObject();
      }
      json.EndArray();
    }
    json.EndObject();
  }
  json.EndArray();
  return json.Finish();
}

}  // namespace

Reply Endpoints::Limits(const Request& request) {
  const std::optional<bool> json = request.WantsJson();
  if (!json) return Reply::WrongFormat();
  const std::vector<LimitView> limits = sources_.limits ? sources_.limits() : std::vector<LimitView>();
  if (limits.empty()) return Reply::Text(404, "no listener has a rule of the filter pillion.filters.http.limit\n");
  return *json ? Reply::Json(ToJson(limits)) : Reply::Text(200, ToText(limits));
}

}  // namespace pillion::admin
