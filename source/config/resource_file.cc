#include "source/config/resource_file.h"

#include <utility>

#include "source/config/discovery_response.h"

namespace pillion::config {

namespace {

using Response = envoy::service::discovery::v3::DiscoveryResponse;

// `path` is said of each error and note.
ResourceFile Sort(Response response, bool readable, ErrorList& errors, std::vector<ConfigError> notes,
                  const std::string& path) {
  ResourceFile file;
  file.notes = std::move(notes);
  for (ConfigError& note : file.notes) note.file = path;
  file.version = response.version_info();
  for (google::protobuf::Any& resource : *response.mutable_resources()) file.items.push_back({std::move(resource), {}});
  const size_t dropped = errors.dropped();
  for (ConfigError& error : errors.Take()) {
    error.file = path;
    // Of a resource, or of the file.
    std::vector<ConfigError>* list = &file.errors;
    for (size_t i = 0; i < file.items.size(); ++i) {
      const std::string place = ElementPath("resources", i);
      if (!error.path.starts_with(place)) continue;
      error.path.erase(0, place.size() + (error.path.size() > place.size() && error.path[place.size()] == '.' ? 1 : 0));
      list = &file.items[i].errors;
      break;
    }
    list->push_back(std::move(error));
  }
  // Whose they are nobody knows.
  if (dropped > 0) file.errors.push_back({"", 0, MoreErrors(dropped), path});
  if (!readable && file.errors.empty()) file.errors.push_back({"", 0, "expected a DiscoveryResponse", path});
  if (!file.errors.empty()) file.items.clear();
  return file;
}

}  // namespace

ResourceFile ReadResourceFile(const std::string& path, const UnknownRule& unknown, ResourceFile::Form form) {
  ErrorList errors;
  std::vector<ConfigError> notes;
  Response response;
  const bool list_too = form == ResourceFile::Form::kResponseOrList;
  const bool readable = ReadDiscoveryResponse(path, unknown, response, errors, notes, list_too);
  return Sort(std::move(response), readable, errors, std::move(notes), path);
}

ResourceFile ReadResourceText(const std::string& text, const UnknownRule& unknown) {
  ErrorList errors;
  std::vector<ConfigError> notes;
  Response response;
  const bool readable = ParseDiscoveryResponse(text, unknown, response, errors, notes);
  return Sort(std::move(response), readable, errors, std::move(notes), "");
}

}  // namespace pillion::config
