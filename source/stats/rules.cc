#include "source/stats/rules.h"

#include <re2/re2.h>

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"

namespace pillion::stats {

std::string Rules::LabelOf(std::string_view tag_name) {
  std::string label(tag_name);
  for (char& c : label) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  if (!label.empty() && absl::ascii_isdigit(static_cast<unsigned char>(label[0]))) label.insert(0, 1, '_');
  return label;
}

void Rules::AddTag(std::string_view tag_name, std::shared_ptr<const re2::RE2> regex) {
  tags_.push_back({LabelOf(tag_name), std::move(regex)});
}

void Rules::AddFixedTag(std::string_view tag_name, std::string value) {
  fixed_.emplace_back(LabelOf(tag_name), std::move(value));
}

void Rules::AddBuckets(NameTest names, std::vector<double> bounds) {
  buckets_.emplace_back(std::move(names), std::make_shared<const std::vector<double>>(std::move(bounds)));
}

Bounds Rules::BoundsOf(std::string_view name) const {
  for (const auto& [names, bounds] : buckets_) {
    if (names(name)) return bounds;
  }
  return nullptr;
}

std::vector<Tag> Rules::TagsOf(std::string_view name, const std::vector<Tag>& tags) const {
  std::vector<Tag> found;
  std::copy_if(tags.begin(), tags.end(), std::back_inserter(found),
               [this](const Tag& tag) { return Shows(tag.label); });
  for (const TagRule& rule : tags_) {
    re2::StringPiece groups[3];
    const int count = std::min(rule.regex->NumberOfCapturingGroups(), 2) + 1;
    const re2::StringPiece text(name.data(), name.size());
    if (!rule.regex->Match(text, 0, text.size(), re2::RE2::UNANCHORED, groups, count) ||
        groups[1].data() == nullptr)
      continue;
    const re2::StringPiece& value = groups[2].data() != nullptr ? groups[2] : groups[1];
    const auto offset = [name](const re2::StringPiece& part) {
      return static_cast<uint32_t>(part.data() - name.data());
    };
    found.push_back({.label = rule.label,
                     .begin = offset(value),
                     .size = static_cast<uint32_t>(value.size()),
                     .cut_begin = offset(groups[1]),
                     .cut_end = offset(groups[1]) + static_cast<uint32_t>(groups[1].size())});
  }
  return found;
}

}  // namespace pillion::stats
