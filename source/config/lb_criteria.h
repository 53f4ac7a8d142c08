#pragma once

// What the metadata of hosts is compared with: keys with values, in one text, so that finding the hosts that have them
// all takes one look into a table.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "source/config/metadata.h"

namespace pillion::config {

class LbCriteria {
 public:
  LbCriteria() = default;
  explicit LbCriteria(const MetadataValue::Struct& values);

  // One key and its value. Two values are equal if and only if their texts are; no text is the beginning of another.
  static std::string Text(std::string_view key, const MetadataValue& value);

  struct Part {
    std::string key;
    std::string text;
  };

  bool empty() const { return parts_.empty(); }
  const std::vector<Part>& parts() const { return parts_; }  // sorted by key
  const std::string& text() const { return text_; }          // of all parts
  const std::string& keys() const { return keys_; }          // of all parts, as KeysText() says
  // Of both: what is in either place, or in `other` if it is in both.
  LbCriteria MergedWith(const LbCriteria& other) const;

  // `keys` are sorted.
  static std::string KeysText(const std::vector<std::string>& keys);

 private:
  void Finish();

  std::vector<Part> parts_;
  std::string text_;
  std::string keys_;
};

}  // namespace pillion::config
