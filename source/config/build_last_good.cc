#include "source/config/build_last_good.h"

#include <filesystem>

#include "pillion/bootstrap/last_good/v1/last_good.pb.h"
#include "source/config/text.h"

namespace pillion::config {

void BuildLastGood(BuildContext& context, const google::protobuf::Any& from, const std::string& path, Bootstrap& bootstrap) {
  pillion::bootstrap::last_good::v1::LastGood message;
  from.UnpackTo(&message);
  LastGood& to = bootstrap.last_good.emplace();
  to.path = message.path();
  to.include_secrets = message.include_secrets();
  if (message.has_silent_after()) to.silent_after = ToDuration(message.silent_after());
  if (to.path.empty()) return;  // which is an error of its own
  const std::filesystem::path file(to.path);
  std::error_code ignored;
  const bool folder = std::filesystem::is_directory(file, ignored);
  if (folder || !file.has_filename() ||
      (file.has_parent_path() && !std::filesystem::is_directory(file.parent_path(), ignored))) {
    context.errors.Add(FieldPath(path, "path"), Concat(Quote(to.path), ", expected a file in a folder that is there"));
  }
}

}  // namespace pillion::config
