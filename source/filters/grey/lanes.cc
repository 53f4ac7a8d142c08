#include "source/filters/grey/lanes.h"

#include <algorithm>

namespace pillion::filters::grey_rules {

Colour::Colour(std::map<std::string, std::string> texts) : texts_(std::move(texts)) {
  for (const auto& [key, value] : texts_) labels_.push_back({key, value});
}

bool Colour::IsIn(std::span<const upstream::Label> labels) const {
  return std::all_of(labels_.begin(), labels_.end(), [labels](const upstream::Label& label) {
    return std::find(labels.begin(), labels.end(), label) != labels.end();
  });
}

}  // namespace pillion::filters::grey_rules
