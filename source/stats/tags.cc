#include "source/stats/tags.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace pillion::stats {
namespace {

bool IsDigit(char c) {
  return absl::ascii_isdigit(static_cast<unsigned char>(c));
}

// "..._rq_503" and "..._rq_5xx" end in a label of their own. Shortens `stem` to what stays in the family's name.
void TakeResponseCode(std::string& stem, PrometheusName& out) {
  constexpr size_t kTail = 7;  // "_rq_503"
  if (stem.size() < kTail || stem.compare(stem.size() - kTail, 4, "_rq_") != 0) return;
  const std::string code = stem.substr(stem.size() - 3);
  if (std::all_of(code.begin(), code.end(), IsDigit)) {
    out.labels.emplace_back(kResponseCode, code);
    stem.resize(stem.size() - 4);
  } else if (IsDigit(code[0]) && code.ends_with("xx")) {
    out.labels.emplace_back(kResponseCodeClass, code.substr(0, 1));
    stem.erase(stem.size() - 3, 1);
  }
}

}  // namespace

Prefix& Prefix::Add(std::string_view part) {
  text_ += part;
  std::replace(text_.end() - static_cast<std::ptrdiff_t>(part.size()), text_.end(), ':', '_');
  text_ += '.';
  return *this;
}

Prefix& Prefix::Add(std::string_view label, std::string_view value) {
  tags_.push_back({label, static_cast<uint32_t>(text_.size()), static_cast<uint32_t>(value.size())});
  return Add(value);
}

Prefix& Prefix::AddWorker(uint32_t index) {
  text_ += "worker_";
  return Add(kWorkerId, std::to_string(index));
}

PrometheusName ToPrometheus(std::string name, const std::vector<Tag>& tags) {
  PrometheusName out;
  std::string& stem = name;
  TakeResponseCode(stem, out);
  for (auto tag = tags.rbegin(); tag != tags.rend(); ++tag) {
    out.labels.emplace_back(tag->label, stem.substr(tag->begin, tag->size));
    stem.erase(tag->begin, tag->size + 1);
  }
  for (char& c : stem) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  out.family = "envoy_" + stem;
  return out;
}

}  // namespace pillion::stats
