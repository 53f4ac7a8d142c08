#pragma once

// What the metadata of hosts is compared with: keys with values, in one text, so that finding the hosts that have them
// all takes one look into a table.

#include <charconv>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "source/config/metadata.h"

namespace pillion::config {

// The key of a list of others, for subsets that may fall back to them.
inline constexpr std::string_view kFallbackListKey = "fallback_list";

// Criteria that somebody else holds.
struct LbCriteriaView {
  struct Part {
    std::string_view key;
    std::string_view text;  // of key and value
  };

  std::string_view text;        // of all parts
  std::string_view keys;        // of all parts, as LbCriteria::KeysText() says
  std::span<const Part> parts;  // sorted by key
  // What its list kFallbackListKey says, where it has one, then at least one; each stands over these criteria, where it has
  // the same keys.
  const LbCriteriaView* alternatives = nullptr;
  size_t alternatives_count = 0;

  bool empty() const { return parts.empty(); }
};

class LbCriteria {
 public:
  LbCriteria() : data_(Empty()) {}
  explicit LbCriteria(const MetadataValue::Struct& values);

  // One key and its value. Two values are equal if and only if their texts are; no text is the beginning of another.
  static std::string Text(std::string_view key, const MetadataValue& value);

  bool empty() const { return data_->view.empty(); }
  std::span<const LbCriteriaView::Part> parts() const { return data_->view.parts; }
  std::string_view text() const { return data_->view.text; }
  std::string_view keys() const { return data_->view.keys; }
  // Good as long as this or a copy of it is.
  const LbCriteriaView& view() const { return data_->view; }
  // Of both: what is in either place, or in `other` if it is in both.
  LbCriteria MergedWith(const LbCriteria& other) const;

  // `keys` are sorted.
  static std::string KeysText(const std::vector<std::string>& keys);

  // The texts are made of pieces: what it is, its length, so that nothing within it can be taken for what follows, and the
  // thing itself. `add` takes one text after the other.
  template <typename Add>
  static void AddPiece(const Add& add, char kind, std::string_view text) {
    char head[24] = {kind};
    char* const end = std::to_chars(head + 1, head + sizeof head - 1, text.size()).ptr;
    *end = ':';
    add(std::string_view(head, static_cast<size_t>(end + 1 - head)));
    add(text);
  }
  template <typename Add>
  static void AddNumber(const Add& add, double number) {
    char text[32];
    AddPiece(add, 'n', {text, static_cast<size_t>(std::to_chars(text, text + sizeof text, number).ptr - text)});
  }

 private:
  struct Data {
    std::vector<std::pair<std::string, std::string>> owned;  // key, text
    std::vector<LbCriteriaView::Part> parts;
    std::string text;
    std::string keys;
    std::vector<LbCriteria> alternatives;
    std::vector<LbCriteriaView> alternative_views;
    LbCriteriaView view;
  };

  LbCriteria(std::vector<std::pair<std::string, std::string>> parts, std::vector<LbCriteria> alternatives);
  static const std::shared_ptr<const Data>& Empty();

  std::shared_ptr<const Data> data_;  // shared by copies
};

}  // namespace pillion::config
