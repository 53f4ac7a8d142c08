#include "source/config/lb_criteria.h"

#include <algorithm>
#include <map>
#include <utility>

namespace pillion::config {
namespace {

void Append(std::string& to, char kind, std::string_view text) {
  LbCriteria::AddPiece([&to](std::string_view piece) { to += piece; }, kind, text);
}

void Append(std::string& to, const MetadataValue& value) {
  if (const auto* flag = std::get_if<bool>(&value.value)) {
    to += *flag ? 't' : 'f';
  } else if (const auto* number = std::get_if<double>(&value.value)) {
    LbCriteria::AddNumber([&to](std::string_view piece) { to += piece; }, *number);
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

LbCriteria::LbCriteria(std::vector<std::pair<std::string, std::string>> parts, std::vector<LbCriteria> alternatives) {
  auto data = std::make_shared<Data>();
  data->owned = std::move(parts);
  for (const auto& [key, text] : data->owned) {
    data->parts.push_back({key, text});
    data->text += text;
    Append(data->keys, 'k', key);
  }
  data->alternatives = std::move(alternatives);
  for (const LbCriteria& each : data->alternatives) data->alternative_views.push_back(each.view());
  data->view = {data->text, data->keys, data->parts, data->alternative_views.data(), data->alternative_views.size()};
  data_ = std::move(data);
}

LbCriteria::LbCriteria(const MetadataValue::Struct& values) {
  std::vector<std::pair<std::string, std::string>> parts;
  std::vector<LbCriteria> alternatives;
  for (const auto& [key, value] : values) {
    parts.emplace_back(key, Text(key, value));
    const auto* const list = std::get_if<MetadataValue::List>(&value.value);
    if (key != kFallbackListKey || list == nullptr) continue;
    for (const MetadataValue& each : *list) {
      const auto* const fields = std::get_if<MetadataValue::Struct>(&each.value);
      alternatives.push_back(fields == nullptr ? LbCriteria() : LbCriteria(*fields));
    }
    if (alternatives.empty()) alternatives.emplace_back();  // nothing over the rest
  }
  *this = LbCriteria(std::move(parts), std::move(alternatives));
}

const std::shared_ptr<const LbCriteria::Data>& LbCriteria::Empty() {
  static const auto* const empty = new std::shared_ptr<const Data>(std::make_shared<Data>());
  return *empty;
}

std::string LbCriteria::Text(std::string_view key, const MetadataValue& value) {
  std::string text;
  Append(text, 'k', key);
  Append(text, value);
  return text;
}

LbCriteria LbCriteria::MergedWith(const LbCriteria& other) const {
  std::map<std::string, std::string> merged;
  for (const LbCriteriaView::Part& part : parts()) merged[std::string(part.key)] = part.text;
  for (const LbCriteriaView::Part& part : other.parts()) merged[std::string(part.key)] = part.text;
  const auto is_list = [](const LbCriteriaView::Part& part) { return part.key == kFallbackListKey; };
  const bool others = std::any_of(other.parts().begin(), other.parts().end(), is_list);
  return LbCriteria(std::vector<std::pair<std::string, std::string>>(merged.begin(), merged.end()),
                    others ? other.data_->alternatives : data_->alternatives);
}

std::string LbCriteria::KeysText(const std::vector<std::string>& keys) {
  std::string text;
  for (const std::string& key : keys) Append(text, 'k', key);
  return text;
}

}  // namespace pillion::config
