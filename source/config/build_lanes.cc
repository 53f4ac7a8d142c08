#include "source/config/build_lanes.h"

#include <algorithm>

#include "pillion/load_balancing_policies/lanes/v1/lanes.pb.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

using Message = pillion::load_balancing_policies::lanes::v1::Lanes;
using LabelMessages = google::protobuf::RepeatedPtrField<Message::Label>;

std::vector<std::string> BuildKeys(BuildContext& context, const Message& from, const std::string& path) {
  if (from.labels().empty()) return {"env", "release", "version"};
  std::vector<std::string> keys;
  for (int i = 0; i < from.labels_size(); ++i) {
    const std::string place = ElementPath(FieldPath(path, "labels"), i);
    const std::string& key = from.labels(i);
    if (key.empty()) context.errors.Add(place, "empty, expected the key of a label");
    if (std::ranges::find(keys, key) != keys.end()) context.errors.Add(place, Concat("duplicate key ", Quote(key)));
    keys.push_back(key);
  }
  if (keys.size() > Lanes::kMostKeys) {
    context.errors.Add(FieldPath(path, "labels"), Concat(keys.size(), " keys, expected at most ", Lanes::kMostKeys));
  }
  std::ranges::sort(keys);
  return keys;
}

void CheckKey(BuildContext& context, const Lanes& lanes, const std::string& key, const std::string& path) {
  if (std::ranges::find(lanes.keys, key) == lanes.keys.end()) {
    std::string keys;
    for (const std::string& each : lanes.keys) keys += Concat(keys.empty() ? "" : ", ", each);
    context.errors.Add(path, Concat(Quote(key), ", expected one of labels: ", keys));
  }
}

std::vector<Lanes::Label> BuildLabels(BuildContext& context, const Lanes& lanes, const LabelMessages& from,
                                      const std::string& path) {
  std::vector<Lanes::Label> labels;
  for (int i = 0; i < from.size(); ++i) {
    CheckKey(context, lanes, from[i].key(), FieldPath(ElementPath(path, i), "key"));
    labels.push_back({from[i].key(), from[i].value()});
  }
  return labels;
}

Lanes::Fallback BuildFallback(BuildContext& context, const Lanes& lanes, const Message::Fallback& from,
                              const std::string& path) {
  Lanes::Fallback fallback;
  if (from.keep().empty() == from.labels().empty()) context.errors.Add(path, "expected either keep or labels");
  const std::string keep = FieldPath(path, "keep");
  for (int i = 0; i < from.keep_size(); ++i) {
    CheckKey(context, lanes, from.keep(i), ElementPath(keep, i));
    fallback.keep.push_back(from.keep(i));
  }
  if (fallback.keep.size() >= lanes.keys.size()) {
    context.errors.Add(keep, "expected some of the keys in labels, not all of them");
  }
  const std::string place = FieldPath(path, "labels");
  fallback.labels = BuildLabels(context, lanes, from.labels(), place);
  std::ranges::sort(fallback.labels, {}, &Lanes::Label::key);
  const auto twice = std::ranges::adjacent_find(fallback.labels, {}, &Lanes::Label::key);
  if (twice != fallback.labels.end()) context.errors.Add(place, Concat("key ", Quote(twice->key), " twice"));
  return fallback;
}

}  // namespace

std::shared_ptr<const Lanes> BuildLanes(BuildContext& context, const Message& from, const std::string& path) {
  auto lanes = std::make_shared<Lanes>();
  lanes->keys = BuildKeys(context, from, path);
  lanes->baseline = BuildLabels(context, *lanes, from.baseline(), FieldPath(path, "baseline"));
  for (int i = 0; i < from.fallbacks_size(); ++i) {
    lanes->fallbacks.push_back(
        BuildFallback(context, *lanes, from.fallbacks(i), ElementPath(FieldPath(path, "fallbacks"), i)));
  }
  lanes->baseline_on_lanes = from.baseline_on_lanes() == Message::WHEN_NO_BASELINE;
  lanes->min_healthy_percent = from.min_healthy_percent();
  lanes->max_requests_per_host = from.max_requests_per_endpoint();
  return lanes;
}

void BuildDefaultLanes(BuildContext& context, const google::protobuf::Any& from, const std::string& path,
                       Bootstrap& bootstrap) {
  Message message;
  from.UnpackTo(&message);
  bootstrap.default_lanes = BuildLanes(context, message, path);
  if (message.has_endpoint_picking_policy()) {
    context.errors.Add(FieldPath(path, "endpoint_picking_policy"), "expected none in bootstrap_extensions: clusters say it");
  }
}

}  // namespace pillion::config
