#include "source/telemetry/log_format.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "source/base/escape.h"

namespace pillion::telemetry {
namespace {

void AppendNumber(std::string& out, int64_t number) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

// An operator as it stands in a format, after its first percent sign.
struct OperatorText {
  std::string_view name;
  std::string_view argument;
  bool has_argument = false;
  size_t limit = SIZE_MAX;
  size_t size = 0;  // with the closing percent sign
};

bool IsNameByte(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// NAME, NAME(argument), either with :length; nothing when it is not well formed.
std::optional<OperatorText> ParseOperator(std::string_view rest) {
  OperatorText parsed;
  size_t at = 0;
  while (at < rest.size() && IsNameByte(rest[at])) ++at;
  parsed.name = rest.substr(0, at);
  if (parsed.name.empty()) return std::nullopt;
  if (at < rest.size() && rest[at] == '(') {
    const size_t end = rest.find(')', at);
    if (end == std::string_view::npos) return std::nullopt;
    parsed.has_argument = true;
    parsed.argument = rest.substr(at + 1, end - at - 1);
    at = end + 1;
  }
  if (at < rest.size() && rest[at] == ':') {
    const char* begin = rest.data() + at + 1;
    const auto [end, error] = std::from_chars(begin, rest.data() + rest.size(), parsed.limit);
    if (error != std::errc() || end == begin) return std::nullopt;
    at = static_cast<size_t>(end - rest.data());
  }
  if (at >= rest.size() || rest[at] != '%') return std::nullopt;
  parsed.size = at + 1;
  return parsed;
}

}  // namespace

absl::Status CheckLogFormat(std::string_view format) {
  std::vector<std::string> errors;
  LogFormat::CompileText(format, "", errors);
  if (errors.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format("{}", fmt::join(errors, "; ")));
}

std::unique_ptr<const LogFormat> LogFormat::Compile(const config::AccessLog& config,
                                                    std::vector<std::string>& errors) {
  const size_t errors_before = errors.size();
  std::unique_ptr<LogFormat> format(new LogFormat);
  format->omit_empty_ = config.omit_empty_values;
  if (const auto* json = std::get_if<config::JsonLogFormat>(&config.format)) {
    format->json_ = true;
    format->root_ = CompileJson(json->root, "json_format", errors);
  } else if (const auto* text = std::get_if<config::TextLogFormat>(&config.format)) {
    format->text_ = CompileText(text->format, "text_format: ", errors);
  } else {
    format->text_ = CompileText(kDefaultLogFormat, "default format: ", errors);
  }
  if (errors.size() > errors_before) return nullptr;
  return format;
}

std::vector<LogFormat::Piece> LogFormat::CompileText(std::string_view format, std::string_view place,
                                                     std::vector<std::string>& errors) {
  std::vector<Piece> pieces;
  std::string literal;
  for (size_t i = 0; i < format.size();) {
    if (format[i] != '%') {
      literal += format[i++];
    } else if (format.substr(i).starts_with("%%")) {
      literal += '%';
      i += 2;
    } else {
      const std::optional<OperatorText> parsed = ParseOperator(format.substr(i + 1));
      if (!parsed) {
        errors.push_back(
            fmt::format("{}byte {}: expected %OPERATOR%, %OPERATOR(argument)%, either with :length before "
                        "the last %, or %% for a percent sign",
                        place, i));
        return pieces;
      }
      absl::StatusOr<LogOperator> compiled =
          LogOperator::Compile(parsed->name, parsed->has_argument, parsed->argument);
      if (compiled.ok()) {
        pieces.push_back({std::move(literal), std::make_unique<LogOperator>(*std::move(compiled)), parsed->limit});
        literal.clear();
      } else {
        errors.push_back(fmt::format("{}byte {}: {}", place, i, std::string(compiled.status().message())));
      }
      i += 1 + parsed->size;
    }
  }
  if (!literal.empty()) pieces.push_back({std::move(literal), nullptr});
  return pieces;
}

LogFormat::Node LogFormat::CompileJson(const config::JsonFormat& format, const std::string& place,
                                       std::vector<std::string>& errors) {
  Node node;
  if (const auto* text = std::get_if<std::string>(&format.value)) {
    node.kind = Node::Kind::kFormat;
    node.pieces = CompileText(*text, place + ": ", errors);
  } else if (const auto* object = std::get_if<config::JsonFormat::Object>(&format.value)) {
    node.kind = Node::Kind::kObject;
    for (const auto& [key, value] : *object) {
      std::string name;
      base::AppendJsonString(name, key);
      node.keys.push_back(name + ":");
      node.children.push_back(CompileJson(value, place + "." + key, errors));
    }
  } else if (const auto* list = std::get_if<config::JsonFormat::List>(&format.value)) {
    node.kind = Node::Kind::kList;
    for (const config::JsonFormat& value : *list) {
      node.children.push_back(CompileJson(value, fmt::format("{}[{}]", place, node.children.size()), errors));
    }
  } else if (const auto* boolean = std::get_if<bool>(&format.value)) {
    node.fixed = *boolean ? "true" : "false";
  } else if (const auto* number = std::get_if<double>(&format.value)) {
    node.fixed = fmt::format("{:.17g}", *number);
  } else {
    node.fixed = "null";
  }
  return node;
}

void LogFormat::Append(const RequestRecord& record, std::string& out, std::string& scratch) const {
  if (json_) {
    AppendNode(root_, record, /*omit=*/false, out, scratch);
    out += '\n';
  } else {
    AppendText(record, out, scratch);
  }
}

void LogFormat::AppendText(const RequestRecord& record, std::string& out, std::string& scratch) const {
  for (const Piece& piece : text_) {
    out += piece.literal;
    if (piece.value == nullptr) continue;
    const LogValue value = piece.value->Evaluate(record, scratch);
    switch (value.kind) {
      case LogValue::Kind::kMissing:
        if (!omit_empty_) out += '-';
        break;
      case LogValue::Kind::kNumber:
        AppendNumber(out, value.number);
        break;
      case LogValue::Kind::kText:
        base::AppendPrintable(out, value.text.substr(0, piece.limit));
        break;
    }
  }
}

bool LogFormat::AppendNode(const Node& node, const RequestRecord& record, bool omit, std::string& out,
                           std::string& scratch) const {
  switch (node.kind) {
    case Node::Kind::kFixed:
      out += node.fixed;
      return true;
    case Node::Kind::kFormat:
      return AppendString(node.pieces, record, omit, out, scratch);
    case Node::Kind::kObject: {
      out += '{';
      bool first = true;
      for (size_t i = 0; i < node.children.size(); ++i) {
        const size_t before = out.size();
        if (!first) out += ',';
        out += node.keys[i];
        if (AppendNode(node.children[i], record, omit_empty_, out, scratch)) {
          first = false;
        } else {
          out.resize(before);
        }
      }
      out += '}';
      return true;
    }
    case Node::Kind::kList: {
      out += '[';
      for (size_t i = 0; i < node.children.size(); ++i) {
        if (i > 0) out += ',';
        AppendNode(node.children[i], record, /*omit=*/false, out, scratch);  // a place in a list has a meaning
      }
      out += ']';
      return true;
    }
  }
  return false;
}

bool LogFormat::AppendString(const std::vector<Piece>& pieces, const RequestRecord& record, bool omit,
                             std::string& out, std::string& scratch) const {
  if (pieces.size() == 1 && pieces[0].literal.empty() && pieces[0].value != nullptr) {  // a typed value
    const LogValue value = pieces[0].value->Evaluate(record, scratch);
    switch (value.kind) {
      case LogValue::Kind::kMissing:
        if (omit) return false;
        out += "null";
        return true;
      case LogValue::Kind::kNumber:
        AppendNumber(out, value.number);
        return true;
      case LogValue::Kind::kText:
        base::AppendJsonString(out, value.text.substr(0, pieces[0].limit));
        return true;
    }
  }
  out += '"';
  for (const Piece& piece : pieces) {
    base::AppendJsonPart(out, piece.literal);
    if (piece.value == nullptr) continue;
    const LogValue value = piece.value->Evaluate(record, scratch);
    switch (value.kind) {
      case LogValue::Kind::kMissing:
        if (!omit_empty_) out += '-';
        break;
      case LogValue::Kind::kNumber:
        AppendNumber(out, value.number);
        break;
      case LogValue::Kind::kText:
        base::AppendJsonPart(out, value.text.substr(0, piece.limit));
        break;
    }
  }
  out += '"';
  return true;
}

}  // namespace pillion::telemetry
