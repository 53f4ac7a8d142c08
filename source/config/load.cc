#include "source/config/load.h"

#include <algorithm>
#include <variant>

#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "source/config/build.h"
#include "source/config/check.h"
#include "source/config/decode.h"
#include "source/config/read_file.h"
#include "source/config/text.h"
#include "source/config/tree.h"

namespace pillion::config {

Loaded LoadText(std::string_view text, const LoadOptions& options) {
  std::variant<Tree, ConfigError> parsed = Tree::Parse(text);
  if (const auto* error = std::get_if<ConfigError>(&parsed)) return {nullptr, {*error}};
  const Tree& tree = std::get<Tree>(parsed);

  // Each step looks at all that the one before it could make sense of, so that one run finds all errors.
  ErrorList errors;
  const auto message = std::make_shared<envoy::config::bootstrap::v3::Bootstrap>();
  Decode(tree, *message, errors);
  CheckConstraints(*message, errors);
  std::shared_ptr<Bootstrap> bootstrap = BuildBootstrap(*message, options, errors);
  if (errors.empty()) {
    bootstrap->source = message;
    return {std::move(bootstrap), {}};
  }

  const size_t dropped = errors.dropped();
  std::vector<ConfigError> found = errors.Take();
  for (ConfigError& error : found) {
    if (error.line == 0) error.line = tree.LineOf(error.path);
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.line < b.line; });
  if (dropped > 0) found.push_back({"", 0, Concat("and ", dropped, " more errors")});
  return {nullptr, std::move(found)};
}

absl::StatusOr<std::shared_ptr<const Bootstrap>> LoadFile(const std::string& path, const LoadOptions& options) {
  const absl::StatusOr<std::string> text = ReadFileOrPipe(path, Tree::kMaxBytes);
  if (!text.ok())
    return absl::Status(text.status().code(), Concat(path, ": ", std::string(text.status().message())));
  Loaded loaded = LoadText(*text, options);
  if (loaded.errors.empty()) return std::move(loaded.bootstrap);

  std::string all;
  for (const ConfigError& error : loaded.errors) {
    all += Concat(all.empty() ? "" : "\n", ErrorText(path, error));
  }
  return absl::InvalidArgumentError(all);
}

}  // namespace pillion::config
