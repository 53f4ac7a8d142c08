// Where a part of the configuration comes from.

#include <filesystem>

#include "source/config/build.h"
#include "source/config/text.h"

namespace pillion::config {

PathSource BuildPathSource(BuildContext& context, const envoy::config::core::v3::ConfigSource& from,
                           const std::string& path) {
  PathSource source;
  if (from.has_api_config_source()) {
    context.errors.Add(FieldPath(path, "api_config_source"),
                       "a control plane can't give this yet, expected path_config_source");
    return source;
  }
  std::string place = FieldPath(path, "path");
  if (from.has_path_config_source()) {
    source.path = from.path_config_source().path();
    source.watched_directory = from.path_config_source().watched_directory().path();
    place = FieldPath(path, "path_config_source.path");
  } else {
    source.path = from.path();
  }
  // What is missing from the start is a mistake; what goes later is not.
  const auto check = [&](const std::string& file, const std::string& at, bool good, std::string_view expected) {
    if (!file.empty() && !good) context.errors.Add(at, Concat(Quote(file), ", expected ", expected));
  };
  std::error_code ignored;
  check(source.path, place, std::filesystem::exists(source.path, ignored), "a file that is there");
  check(source.watched_directory, FieldPath(path, "path_config_source.watched_directory.path"),
        std::filesystem::is_directory(source.watched_directory, ignored), "a directory that is there");
  return source;
}

}  // namespace pillion::config
