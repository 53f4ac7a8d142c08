// The file of last good state: what is in it, and what is not.

#include <fmt/format.h>

#include "source/admin/endpoints.h"
#include "source/admin/json_writer.h"

namespace pillion::admin {
namespace {

std::string Printable(std::string_view text) {
  std::string out;
  base::AppendPrintable(out, text);
  return out;
}

std::string ToText(const LastGoodView& view) {
  std::string out = fmt::format("{}: ", Printable(view.path));
  out += view.written.empty() ? "nothing is in it\n" : fmt::format("written {}, {} ago\n", view.written, view.age);
  if (!view.refused.empty()) out += fmt::format("the file of the start is not used: it {}\n", Printable(view.refused));
  if (!view.include_secrets) out += "without secrets that stand in resources: include_secrets is not set\n";
  if (view.last_write) {
    const LastGoodView::Write& write = *view.last_write;
    out += fmt::format("last write: {}, ", write.time);
    out += write.error.empty() ? fmt::format("{} bytes in {} ms\n", write.bytes, write.duration_ms)
                               : fmt::format("failed: {}\n", Printable(write.error));
  }
  for (const LastGoodView::Section& section : view.sections) {
    out += fmt::format("{} of {}: {}\n", section.kind, Printable(section.source), section.resources.size());
    for (const LastGoodView::Resource& resource : section.resources) {
      out += fmt::format("  {}, version {}{}\n", Printable(resource.name), Printable(resource.version),
                         resource.in_use ? ", in use" : "");
    }
    for (const LastGoodView::LeftOut& left : section.left_out) {
      out += fmt::format("  {}: left out: {}\n", Printable(left.name), Printable(left.why));
    }
    for (const LastGoodView::LeftOut& left : section.not_used) {
      out += fmt::format("  {}: not used: {}\n", Printable(left.name), Printable(left.why));
    }
  }
  return out;
}

std::string ToJson(const LastGoodView& view) {
  JsonWriter json;
  json.String("path", view.path);
  json.Bool("include_secrets", view.include_secrets);
  if (!view.refused.empty()) json.String("refused", view.refused);
  if (!view.written.empty()) {
    json.String("written", view.written);
    json.Number64("age_seconds", view.age_s);
  }
  if (view.last_write) {
    json.BeginObject("last_write");
    json.String("time", view.last_write->time);
    json.Number64("duration_ms", view.last_write->duration_ms);
    json.Number64("bytes", view.last_write->bytes);
    if (!view.last_write->error.empty()) json.String("error", view.last_write->error);
    json.EndObject();
  }
  const auto write = [&json](std::string_view key, const std::vector<LastGoodView::LeftOut>& all) {
    json.BeginArray(key);
    for (const LastGoodView::LeftOut& left : all) {
      json.BeginElement();
      json.String("name", left.name);
      json.String("why", left.why);
      json.EndObject();
    }
    json.EndArray();
  };
  json.BeginArray("sections");
  for (const LastGoodView::Section& section : view.sections) {
    json.BeginElement();
    json.String("source", section.source);
    json.String("kind", section.kind);
    json.BeginArray("resources");
    for (const LastGoodView::Resource& resource : section.resources) {
      json.BeginElement();
      json.String("name", resource.name);
      json.String("version", resource.version);
      json.Bool("in_use", resource.in_use);
      json.EndObject();
    }
    json.EndArray();
    write("left_out", section.left_out);
    write("not_used", section.not_used);
    json.EndObject();
  }
  json.EndArray();
  return json.Finish();
}

}  // namespace

Reply Endpoints::LastGood(const Request& request) {
  const std::optional<bool> json = request.WantsJson();
  if (!json) return Reply::WrongFormat();
  const std::optional<LastGoodView> view = sources_.last_good ? sources_.last_good() : std::nullopt;
  if (!view) {
    return Reply::Text(
        404, "nothing is kept: there is no pillion.bootstrap.last_good.v1.LastGood in bootstrap_extensions\n");
  }
  return *json ? Reply::Json(ToJson(*view)) : Reply::Text(200, ToText(*view));
}

}  // namespace pillion::admin
