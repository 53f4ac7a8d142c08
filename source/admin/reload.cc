// A new configuration for the process that runs.

#include <fmt/format.h>

#include "source/admin/endpoints.h"
#include "source/admin/json_writer.h"

namespace pillion::admin {
namespace {

using Names = ReloadView::Names;

// In the order in which they are shown.
struct Shown {
  std::string_view name;
  Names ReloadView::* names;
};
constexpr Shown kShown[] = {{"added", &ReloadView::added},
                            {"changed", &ReloadView::changed},
                            {"removed", &ReloadView::removed},
                            {"kept", &ReloadView::kept},
                            {"unchanged", &ReloadView::unchanged}};
struct Kind {
  std::string_view name;
  std::vector<std::string> Names::* names;
};
constexpr Kind kKinds[] = {{"clusters", &Names::clusters}, {"listeners", &Names::listeners}, {"secrets", &Names::secrets}};

int StatusOf(const ReloadView& view) {
  if (!view.now) return 503;
  if (!view.errors.empty()) return 400;
  return view.refused.empty() ? 200 : 422;
}

void WriteList(JsonWriter& json, std::string_view key, const std::vector<std::string>& values) {
  json.BeginArray(key);
  for (const std::string& value : values) json.String({}, value);
  json.EndArray();
}

std::string ToJson(const ReloadView& view) {
  JsonWriter json;
  if (!view.errors.empty()) {
    WriteList(json, "errors", view.errors);
    return json.Finish();
  }
  for (const Shown& shown : kShown) {
    json.BeginObject(shown.name);
    for (const Kind& kind : kKinds) WriteList(json, kind.name, view.*shown.names.*kind.names);
    json.EndObject();
  }
  json.BeginArray("refused");
  for (const ReloadView::Refused& refused : view.refused) {
    json.BeginElement();
    json.String("kind", refused.kind);
    json.String("name", refused.name);
    WriteList(json, "errors", refused.errors);
    json.EndObject();
  }
  json.EndArray();
  if (view.more_refused > 0) json.Raw("more_refused", std::to_string(view.more_refused));
  WriteList(json, "needs_restart", view.needs_restart);
  return json.Finish();
}

// A line for each thing that was done, or not; of what is unchanged only how many they are.
std::string ToText(const ReloadView& view) {
  std::string text;
  for (const std::string& error : view.errors) text += error + "\n";
  if (!view.errors.empty()) return text;
  size_t unchanged = 0;
  for (const Shown& shown : kShown) {
    for (const Kind& kind : kKinds) {
      const std::vector<std::string>& names = view.*shown.names.*kind.names;
      if (shown.name == "unchanged") {
        unchanged += names.size();
        continue;
      }
      const std::string_view singular = kind.name.substr(0, kind.name.size() - 1);
      const bool kept = shown.name == "kept";
      for (const std::string& name : names) {
        text += fmt::format("{} {}: {}{}\n", singular, name, shown.name, kept ? ", as long as something is refused" : "");
      }
    }
  }
  for (const ReloadView::Refused& refused : view.refused) {
    const std::string who = refused.name.empty() ? refused.kind : refused.kind + " " + refused.name;
    for (const std::string& error : refused.errors) text += fmt::format("{}: refused: {}\n", who, error);
  }
  if (view.more_refused > 0) text += fmt::format("and {} more refused\n", view.more_refused);
  for (const std::string& field : view.needs_restart) {
    text += fmt::format("{} changed: it takes effect with a restart\n", field);
  }
  return text + fmt::format("unchanged: {}\n", unchanged);
}

}  // namespace

Reply Endpoints::Reload(const Request& request) {
  const std::string* const format = request.Find("format");
  if (format != nullptr && *format != "json" && *format != "text") {
    return Reply::Text(400, fmt::format("format: {}, expected json or text\n", *format));
  }
  const std::string* const name = request.Find("name");
  const ReloadView view = sources_.reload(request.body, name == nullptr ? "body" : *name);
  const bool text = format != nullptr && *format == "text";
  Reply reply = text ? Reply::Text(200, ToText(view)) : Reply::Json(ToJson(view));
  reply.status = StatusOf(view);
  return reply;
}

}  // namespace pillion::admin
