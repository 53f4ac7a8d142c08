#pragma once

// What a configuration says of metrics: which are exported, their labels beside those that names have of themselves, and
// the buckets of histograms. Given to the Registry when it is made, and never changed then.

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "source/stats/tags.h"

namespace re2 {
class RE2;
}

namespace pillion::stats {

using Bounds = std::shared_ptr<const std::vector<double>>;  // ascending; null: kPrometheusBounds
using NameTest = std::function<bool(std::string_view name)>;

class Rules {
 public:
  struct TagRule {
    std::string label;
    std::shared_ptr<const re2::RE2> regex;  // its first group is cut out; its second, or first, is the value
  };

  // As Prometheus takes it: what is neither letter nor digit becomes '_'.
  static std::string LabelOf(std::string_view tag_name);

  void AddTag(std::string_view tag_name, std::shared_ptr<const re2::RE2> regex);
  void AddFixedTag(std::string_view tag_name, std::string value);
  // From now on only those labels of names are shown that are kept.
  void DropDefaultTags() { default_tags_ = false; }
  void KeepDefaultTag(std::string_view tag_name) { kept_.insert(LabelOf(tag_name)); }
  void ExportOnly(NameTest exported) { exported_ = std::move(exported); }
  // The first whose test holds.
  void AddBuckets(NameTest names, std::vector<double> bounds);

  bool has_test() const { return exported_ != nullptr; }
  bool has_buckets() const { return !buckets_.empty(); }
  bool Exports(std::string_view name) const { return !exported_ || exported_(name); }
  // Whether `label`, one that names have of themselves, is shown.
  bool Shows(std::string_view label) const { return default_tags_ || kept_.contains(label); }
  Bounds BoundsOf(std::string_view name) const;
  // Of the labels within `name` those that are shown; its own are `tags`.
  std::vector<Tag> TagsOf(std::string_view name, const std::vector<Tag>& tags) const;
  const std::vector<std::pair<std::string, std::string>>& fixed() const { return fixed_; }

 private:
  std::vector<TagRule> tags_;
  std::vector<std::pair<std::string, std::string>> fixed_;
  bool default_tags_ = true;
  std::set<std::string, std::less<>> kept_;
  NameTest exported_;
  std::vector<std::pair<NameTest, Bounds>> buckets_;
};

}  // namespace pillion::stats
