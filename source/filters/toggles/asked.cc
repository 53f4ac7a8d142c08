#include "source/filters/toggles/asked.h"

#include <algorithm>

#include "source/http/syntax.h"

namespace pillion::filters::toggles {
namespace {

using filter::Feature;
using http::HeaderField;

void ReadOff(std::string_view value, const Allow& allow, Asked& asked) {
  http::ForEachListElement(value, [&](std::string_view name) {
    const auto found = std::find(kFeatureNames.begin(), kFeatureNames.end(), name);
    const auto feature = static_cast<Feature>(found - kFeatureNames.begin());
    if (found == kFeatureNames.end()) {
      asked.unknown.Add(name);
    } else if (!allow.off.Has(feature)) {
      asked.not_allowed.Add(name);
    } else {
      asked.off.Add(feature);
    }
    return true;
  });
}

void ReadLane(std::string_view value, const Allow& allow, const std::vector<std::string>& labels, Asked& asked) {
  if (!allow.lane) return asked.not_allowed.Add("lane");
  http::ForEachListElement(value, [&](std::string_view text) {
    const size_t equals = std::min(text.find('='), text.size());
    const upstream::Label label{http::TrimBlanks(text.substr(0, equals)),
                                http::TrimBlanks(text.substr(std::min(equals + 1, text.size())))};
    if (label.value.empty() || std::ranges::find(labels, label.key) == labels.end()) {
      asked.unknown.Add(text);
    } else if (std::ranges::find(asked.labels, label.key, &upstream::Label::key) == asked.labels.end()) {
      asked.labels.push_back(label);
    }
    return true;
  });
}

void ReadExplain(std::string_view value, const Allow& allow, Asked& asked) {
  if (value == "0") return;
  if (value != "1") return asked.unknown.Add(value);
  if (!allow.explain) return asked.not_allowed.Add("explain");
  asked.explain = true;
}

}  // namespace

bool IsToggle(const HeaderField& field) {
  const std::string_view name = field.name();
  return field.id == http::HeaderId::kUnknown && (name == kOff || name == kLane || name == kExplain);
}

std::string_view Asked::OffText(base::Arena& arena) const {
  Words words(arena);
  for (size_t i = 0; i < kFeatureNames.size(); ++i) {
    if (off.Has(static_cast<Feature>(i))) words.Add(kFeatureNames[i]);
  }
  return words.text();
}

std::string_view Asked::LaneText(base::Arena& arena) const {
  Words words(arena);
  for (const upstream::Label& label : labels) words.Add(label.key, "=", label.value);
  return words.text();
}

Asked ReadToggles(const http::HeaderMap& headers, const Allow& allow, const std::vector<std::string>& labels,
                  base::Arena& arena) {
  Asked asked(arena);
  for (const HeaderField& field : headers) {
    if (!IsToggle(field)) continue;
    if (field.name() == kOff) {
      ReadOff(field.value(), allow, asked);
    } else if (field.name() == kLane) {
      ReadLane(field.value(), allow, labels, asked);
    } else {
      ReadExplain(field.value(), allow, asked);
    }
  }
  std::ranges::sort(asked.labels, {}, &upstream::Label::key);
  return asked;
}

}  // namespace pillion::filters::toggles
