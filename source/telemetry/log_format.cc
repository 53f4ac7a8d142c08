#include "source/telemetry/log_format.h"

#include <fmt/format.h>

#include <charconv>

#include "source/base/escape.h"

namespace pillion::telemetry {
namespace {

void AppendNumber(std::string& out, int64_t number) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

}  // namespace

absl::Status CheckLogFormat(std::string_view format) { return TextFormat::Compile(format).status(); }

std::unique_ptr<const LogFormat> LogFormat::Compile(const LogSettings& config,
                                                    std::vector<std::string>& errors) {
  const size_t errors_before = errors.size();
  std::unique_ptr<LogFormat> format(new LogFormat);
  format->omit_empty_ = config.omit_empty_values;
  if (const auto* json = std::get_if<JsonLogFormat>(&config.format)) {
    format->json_ = true;
    format->root_ = CompileJson(json->root, "json_format", errors);
  } else if (const auto* text = std::get_if<TextLogFormat>(&config.format)) {
    format->text_ = TextFormat::Compile(text->format, "text_format: ", errors);
  } else {
    format->text_ = TextFormat::Compile(kDefaultLogFormat, "default format: ", errors);
  }
  if (errors.size() > errors_before) return nullptr;
  return format;
}

LogFormat::Node LogFormat::CompileJson(const JsonFormat& format, const std::string& place,
                                       std::vector<std::string>& errors) {
  Node node;
  if (const auto* text = std::get_if<std::string>(&format.value)) {
    node.kind = Node::Kind::kFormat;
    node.format = TextFormat::Compile(*text, place + ": ", errors);
  } else if (const auto* object = std::get_if<JsonFormat::Object>(&format.value)) {
    node.kind = Node::Kind::kObject;
    for (const auto& [key, value] : *object) {
      std::string name;
      base::AppendJsonString(name, key);
      node.keys.push_back(name + ":");
      node.children.push_back(CompileJson(value, place + "." + key, errors));
    }
  } else if (const auto* list = std::get_if<JsonFormat::List>(&format.value)) {
    node.kind = Node::Kind::kList;
    for (const JsonFormat& value : *list) {
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
  for (const TextFormat::Piece& piece : text_.pieces()) {
    out += piece.literal;
    if (!piece.value) continue;
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
      case LogValue::Kind::kJson:
        out += value.text.substr(0, piece.limit);
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
      return AppendString(node.format, record, omit, out, scratch);
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

bool LogFormat::AppendString(const TextFormat& format, const RequestRecord& record, bool omit, std::string& out,
                             std::string& scratch) const {
  const std::vector<TextFormat::Piece>& pieces = format.pieces();
  if (pieces.size() == 1 && pieces[0].literal.empty() && pieces[0].value) {  // a typed value
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
      case LogValue::Kind::kJson:
        out += value.text;
        return true;
    }
  }
  out += '"';
  for (const TextFormat::Piece& piece : pieces) {
    base::AppendJsonPart(out, piece.literal);
    if (!piece.value) continue;
    const LogValue value = piece.value->Evaluate(record, scratch);
    switch (value.kind) {
      case LogValue::Kind::kMissing:
        if (!omit_empty_) out += '-';
        break;
      case LogValue::Kind::kNumber:
        AppendNumber(out, value.number);
        break;
      case LogValue::Kind::kText:
      case LogValue::Kind::kJson:
        base::AppendJsonPart(out, value.text.substr(0, piece.limit));
        break;
    }
  }
  out += '"';
  return true;
}

}  // namespace pillion::telemetry
