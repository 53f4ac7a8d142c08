#include "source/proxy/ip_detection.h"

#include <algorithm>

#include "source/http/syntax.h"

namespace pillion::proxy {
namespace {

const http::FieldName kForwardedFor("x-forwarded-for");

bool IsAmong(std::string_view ip, const std::vector<match::IpRange>& ranges) {
  const std::optional<match::IpAddress> address = match::IpAddress::Parse(ip);
  return address && std::ranges::any_of(ranges, [&](const match::IpRange& range) { return range.Contains(*address); });
}

// What `way` makes of x-forwarded-for.
DetectedIp ByHops(std::optional<std::string_view> list, const config::IpDetection& way) {
  DetectedIp found{.appends_peer = way.appends_peer};
  if (list) found.ip = ForwardedAddress(*list, way.hops);
  found.may_be_internal = found.ip && way.hops == 0 && list->find(',') == list->npos;
  return found;
}

DetectedIp ByTrusted(std::optional<std::string_view> list, const config::IpDetection& way, const Sender& sender) {
  // A stranger may say anything; who comes next shall know that it was him.
  if (!IsAmong(sender.ip(), way.trusted)) return {.appends_peer = true};
  DetectedIp found{.appends_peer = way.appends_peer};
  if (!list) return found;
  found.may_be_internal = list->find(',') == list->npos;
  for (std::string_view rest = *list;;) {
    found.ip = ForwardedAddress(rest, 0);
    const size_t comma = rest.rfind(',');
    if (!found.ip || comma == rest.npos || !IsAmong(*found.ip, way.trusted)) return found;
    rest = rest.substr(0, comma);
  }
}

DetectedIp ByHeader(const http::RequestHead& head, const config::IpDetection& way) {
  const std::string_view text = http::TrimBlanks(way.header->First(head).value_or(""));
  if (!match::IpAddress::Parse(text)) return {.refused_status = way.refused_status};
  return {.ip = text, .may_be_internal = way.may_be_internal};
}

}  // namespace

std::optional<std::string_view> ForwardedAddress(std::string_view list, uint32_t hops) {
  for (; hops > 0; --hops) {
    const size_t comma = list.rfind(',');
    if (comma == std::string_view::npos) return std::nullopt;
    list = list.substr(0, comma);
  }
  const size_t comma = list.rfind(',');
  const std::string_view last = http::TrimBlanks(comma == std::string_view::npos ? list : list.substr(comma + 1));
  return match::IpAddress::Parse(last) ? std::optional(last) : std::nullopt;
}

DetectedIp DetectIp(const http::RequestHead& head, const std::vector<config::IpDetection>& ways, const Sender& sender) {
  using By = config::IpDetection::By;
  const std::optional<std::string_view> list = kForwardedFor.All(head.headers);
  bool appends_peer = false;
  for (const config::IpDetection& way : ways) {
    DetectedIp found = way.by == By::kHops      ? ByHops(list, way)
                       : way.by == By::kTrusted ? ByTrusted(list, way, sender)
                                                : ByHeader(head, way);
    found.appends_peer = appends_peer = appends_peer || found.appends_peer;
    if (found.ip || found.refused_status != 0) return found;
  }
  return {.appends_peer = appends_peer};
}

}  // namespace pillion::proxy
