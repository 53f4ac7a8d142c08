#include "source/config/load.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "source/config/build.h"
#include "source/config/check.h"
#include "source/config/decode.h"
#include "source/config/read_file.h"
#include "source/config/text.h"
#include "source/config/tree.h"

namespace pillion::config {
namespace {

using BootstrapMessage = envoy::config::bootstrap::v3::Bootstrap;

// Fills in where an error's, or a note's, path stands, if it does not say, and puts them in order.
void Place(const std::vector<Source>& sources, const std::vector<Tree>& trees, std::vector<ConfigError>& errors) {
  for (ConfigError& error : errors) {
    if (error.line == 0) {
      const TreePlace place = PlaceOf(trees, error.path);
      error.line = place.line;
      error.file = sources[place.tree].name;
    }
  }
  const auto index = [&sources](const ConfigError& error) {
    size_t i = 0;
    while (i < sources.size() && sources[i].name != error.file) ++i;
    return i;
  };
  std::stable_sort(errors.begin(), errors.end(), [&index](const ConfigError& a, const ConfigError& b) {
    return std::pair(index(a), a.line) < std::pair(index(b), b.line);
  });
}

}  // namespace

void SetNode(const NodeFlags& flags, BootstrapMessage& message) {
  if (!flags.id.empty()) message.mutable_node()->set_id(flags.id);
  if (!flags.cluster.empty()) message.mutable_node()->set_cluster(flags.cluster);
  if (!flags.zone.empty()) message.mutable_node()->mutable_locality()->set_zone(flags.zone);
}

Loaded LoadSources(const std::vector<Source>& sources, const LoadOptions& options) {
  // Each step looks at all that the one before it could make sense of, so that one run finds all errors.
  Loaded loaded;
  ErrorList errors;
  std::vector<Tree> trees;
  trees.reserve(sources.size());
  const auto message = std::make_shared<BootstrapMessage>();
  for (const Source& source : sources) {
    std::variant<Tree, ConfigError> parsed = Tree::Parse(source.text);
    if (auto* error = std::get_if<ConfigError>(&parsed)) {
      error->file = source.name;
      return {nullptr, {*std::move(error)}, {}};
    }
    trees.push_back(std::get<Tree>(std::move(parsed)));
    BootstrapMessage part;
    const size_t notes = loaded.notes.size();
    errors.set_file(source.name);
    Decode(trees.back(), options.unknown, part, errors, loaded.notes);
    for (size_t i = notes; i < loaded.notes.size(); ++i) loaded.notes[i].file = source.name;
    message->MergeFrom(part);
  }
  errors.set_file("");
  SetNode(options.node, *message);
  CheckConstraints(*message, errors);
  std::shared_ptr<Bootstrap> bootstrap = BuildBootstrap(*message, options, errors, loaded.notes);
  Place(sources, trees, loaded.notes);
  if (errors.empty()) {
    bootstrap->source = message;
    if (options.unknown.passed_over != nullptr) bootstrap->unknown_fields = options.unknown.passed_over->count();
    loaded.bootstrap = std::move(bootstrap);
    return loaded;
  }
  const size_t dropped = errors.dropped();
  loaded.errors = errors.Take();
  Place(sources, trees, loaded.errors);
  if (dropped > 0) loaded.errors.push_back({"", 0, MoreErrors(dropped), sources.front().name});
  return loaded;
}

Loaded LoadText(std::string_view text, const LoadOptions& options) {
  return LoadSources({{"", std::string(text)}}, options);
}

absl::StatusOr<Source> ReadSourceFile(const std::string& path) {
  for (const std::string_view extension : {".pb", ".pb_text", ".pbtxt", ".textproto"}) {
    if (!path.ends_with(extension)) continue;
    return absl::InvalidArgumentError(
        Concat(path, ": a configuration in protobuf's own format ", extension, ", expected YAML or JSON"));
  }
  absl::StatusOr<std::string> text = ReadFileOrPipe(path, Tree::kMaxBytes);
  if (!text.ok()) {
    return absl::Status(text.status().code(), Concat(path, ": ", std::string(text.status().message())));
  }
  return Source{path, *std::move(text)};
}

absl::StatusOr<std::shared_ptr<const Bootstrap>> LoadFile(const std::string& path, const LoadOptions& options) {
  absl::StatusOr<Source> source = ReadSourceFile(path);
  if (!source.ok()) return source.status();
  Loaded loaded = LoadSources({*std::move(source)}, options);
  if (loaded.errors.empty()) return std::move(loaded.bootstrap);

  std::string all;
  for (const ConfigError& error : loaded.errors) {
    all += Concat(all.empty() ? "" : "\n", ErrorText(path, error));
  }
  return absl::InvalidArgumentError(all);
}

}  // namespace pillion::config
