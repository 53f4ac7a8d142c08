#include "source/config/lb_criteria.h"

#include <charconv>

namespace pillion::config {
namespace {

// With its length in front, so that nothing within it can be taken for what follows.
void Append(std::string& to, char kind, std::string_view text) {
  to += kind;
  to += std::to_string(text.size());
  to += ':';
  to += text;
}

void Append(std::string& to, const MetadataValue& value) {
  if (const auto* flag = std::get_if<bool>(&value.value)) {
    to += *flag ? 't' : 'f';
  } else if (const auto* number = std::get_if<double>(&value.value)) {
    char text[32];
    Append(to, 'n', {text, static_cast<size_t>(std::to_chars(text, text + sizeof text, *number).ptr - text)});
  } else if (const auto* text = std::get_if<std::string>(&value.value)) {
    Append(to, 's', *text);
  } else if (const auto* list = std::get_if<MetadataValue::List>(&value.value)) {
    to += '[';
    for (const MetadataValue& each : *list) Append(to, each);
    to += ']';
  } else if (const auto* fields = std::get_if<MetadataValue::Struct>(&value.value)) {
    to += '{';
    for (const auto& [key, each] : *fields) {
      Append(to, 'k', key);
      Append(to, each);
    }
    to += '}';
  } else {
    to += '0';
  }
}

}  // namespace

LbCriteria::LbCriteria(const MetadataValue::Struct& values) {
  for (const auto& [key, value] : values) parts_.push_back({key, Text(key, value)});
  Finish();
}

std::string LbCriteria::Text(std::string_view key, const MetadataValue& value) {
  std::string text;
  Append(text, 'k', key);
  Append(text, value);
  return text;
}

LbCriteria LbCriteria::MergedWith(const LbCriteria& other) const {
  std::map<std::string, std::string> merged;
  for (const Part& part : parts_) merged[part.key] = part.text;
  for (const Part& part : other.parts_) merged[part.key] = part.text;
  LbCriteria result;
  for (auto& [key, text] : merged) result.parts_.push_back({key, text});
  result.Finish();
  return result;
}

std::string LbCriteria::KeysText(const std::vector<std::string>& keys) {
  std::string text;
  for (const std::string& key : keys) Append(text, 'k', key);
  return text;
}

void LbCriteria::Finish() {
  for (const Part& part : parts_) {
    text_ += part.text;
    Append(keys_, 'k', part.key);
  }
}

}  // namespace pillion::config
