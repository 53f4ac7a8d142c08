// Values that may be set while the process runs.

#include "source/admin/endpoints.h"
#include "source/admin/json_writer.h"

namespace pillion::admin {

Reply Endpoints::Runtime(const Request&) {
  const RuntimeView view = sources_.runtime();
  JsonWriter json;
  json.BeginObject("entries");
  for (const RuntimeView::Entry& entry : view.entries) {
    json.BeginObject(entry.name);
    json.BeginArray("layer_values");
    for (const std::string& value : entry.layer_values) json.String({}, value);
    json.EndArray();
    json.String("final_value", entry.final_value);
    json.EndObject();
  }
  json.EndObject();
  json.BeginArray("layers");
  for (const std::string& layer : view.layers) json.String({}, layer);
  json.EndArray();
  return Reply::Json(json.Finish());
}

Reply Endpoints::RuntimeModify(const Request& request) {
  if (request.query.empty()) {
    return Reply::Text(400,
                       "usage: /runtime_modify?key1=value1&key2=value2&keyN=valueN\n"
                       "       or send the parameters as form values\n"
                       "use an empty value to remove a previously added override");
  }
  const absl::Status status = sources_.modify_runtime(request.query);
  return status.ok() ? Reply::Text(200, "OK\n") : Reply::Text(503, std::string(status.message()));
}

}  // namespace pillion::admin
