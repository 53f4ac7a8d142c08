#include "source/config/discovery_response.h"

#include <variant>

#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"
#include "source/config/check.h"
#include "source/config/decode.h"
#include "source/config/read_file.h"
#include "source/config/text.h"
#include "source/config/tree.h"

namespace pillion::config {
namespace {

using Response = envoy::service::discovery::v3::DiscoveryResponse;

class TextErrors final : public google::protobuf::io::ErrorCollector {
 public:
  explicit TextErrors(ErrorList& errors) : errors_(errors) {}
  void AddError(int line, google::protobuf::io::ColumnNumber, const std::string& message) override {
    errors_.Add("", message, line + 1);
  }

 private:
  ErrorList& errors_;
};

bool FromText(const std::string& text, Response& response, ErrorList& errors) {
  TextErrors collector(errors);
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&collector);
  return parser.ParseFromString(text, &response);
}

bool FromBytes(const std::string& bytes, const UnknownRule& unknown, Response& response, ErrorList& errors,
               std::vector<ConfigError>& notes) {
  if (!response.ParseFromString(bytes)) {
    errors.Add("", "expected the bytes of an envoy.service.discovery.v3.DiscoveryResponse");
    return false;
  }
  JudgeUnknownFields(unknown, response, "", errors, notes);
  return true;
}

bool FromTree(const std::string& text, const UnknownRule& unknown, bool list_too, Response& response, ErrorList& errors,
              std::vector<ConfigError>& notes) {
  std::variant<Tree, ConfigError> parsed = Tree::Parse(text);
  if (const auto* error = std::get_if<ConfigError>(&parsed)) {
    errors.Add(error->path, error->message, error->line);
    return false;
  }
  Tree tree = std::get<Tree>(std::move(parsed));
  // The resources alone, without what is said of all of them.
  if (list_too && tree.root().kind == TreeNode::Kind::kList) tree = Tree::Under("resources", std::move(tree));
  Decode(tree, unknown, response, errors, notes);
  return tree.root().kind == TreeNode::Kind::kMap;
}

}  // namespace

bool ReadDiscoveryResponse(const std::string& path, const UnknownRule& unknown, Response& response, ErrorList& errors,
                           std::vector<ConfigError>& notes, bool list_too) {
  const absl::StatusOr<std::string> text = ReadFile(path, Tree::kMaxBytes);
  if (!text.ok()) {
    errors.Add("", std::string(text.status().message()));
    return false;
  }
  bool readable = false;
  if (path.ends_with(".pb")) {
    readable = FromBytes(*text, unknown, response, errors, notes);
  } else if (path.ends_with(".pb_text") || path.ends_with(".textproto")) {
    readable = FromText(*text, response, errors);
  } else {
    readable = FromTree(*text, unknown, list_too, response, errors, notes);
  }
  if (readable) CheckConstraints(response, errors);
  return readable;
}

bool ParseDiscoveryResponse(const std::string& text, const UnknownRule& unknown, Response& response, ErrorList& errors,
                            std::vector<ConfigError>& notes) {
  if (!FromTree(text, unknown, false, response, errors, notes)) return false;
  CheckConstraints(response, errors);
  return true;
}

}  // namespace pillion::config
