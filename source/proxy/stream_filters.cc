#include <algorithm>
#include <optional>
#include <utility>

#include "source/config/route.h"
#include "source/proxy/filter_part.h"
#include "source/proxy/stream.h"
#include "source/upstream/transport_choice.h"

// The stream's part in its filters: which there are, what they may ask, and what they do to it. What has passed them is
// where it would be without them: the ...Passed() of stream.cc and stream_response.cc.

namespace pillion::proxy {
namespace {

using telemetry::ResponseFlag;

}  // namespace

void Stream::FilterRequest(bool end) {
  if (!manager().filters.empty()) {
    if (!PassGates()) return;
    chain_ = MakeChain();
  }
  if (chain_ != nullptr) {
    chain_->request().TakeHead(*request_, end);
  } else {
    OnRequestHeadPassed(end);
  }
}

bool Stream::PassGates() {
  for (const ChainFilter& filter : manager().filters) {
    if (filter.gate == nullptr) break;
    const filter::FilterPart part = PartOf(filter);
    if (part.absent) continue;
    if (const std::optional<filter::Reply> reply = filter.gate->Check(*this, part.config)) {
      chain_ = MakeChain();  // the answer passes all filters
      SendReply(*reply);
      return false;
    }
  }
  return true;
}

filter::HttpChain* Stream::MakeChain() {
  next_filter_ = 0;
  const filter::ChainMember first = MakeFilter();
  if (first.filter == nullptr) return nullptr;
  return arena_.New<filter::HttpChain>(static_cast<filter::StreamContext&>(*this), static_cast<filter::ChainEnds&>(*this),
                                       first, manager().filters.size());
}

filter::ChainMember Stream::MakeFilter() {
  const std::vector<ChainFilter>& filters = manager().filters;
  while (next_filter_ < filters.size()) {
    const auto place = static_cast<uint32_t>(next_filter_++);
    const ChainFilter& filter = filters[place];
    if (filter.gate != nullptr) continue;
    const filter::FilterPart part = PartOf(filter);
    filter::HttpFilter* const made =
        part.absent ? filter.shard->MakeDisabled(*this) : filter.shard->Make(*this, part.config);
    if (made != nullptr) return {made, filter.hooks, place};
  }
  return {};
}

std::array<const config::FilterConfig*, 3> Stream::Overrides(std::string_view filter) const {
  std::array<const config::FilterConfig*, 3> found{};
  const bool of_route = route_ != nullptr && route_->Has(route::Entry::kOverridesFilters);
  const config::FilterOverrides* const of_table = table_overrides();
  if (!of_route && (of_table == nullptr || of_table->empty())) [[likely]] return found;
  const std::vector<ChainFilter>& all = manager_->filters;
  const auto own = std::ranges::find_if(all, [&](const ChainFilter& each) { return each.config->name == filter; });
  if (own == all.end()) return found;
  const auto config_of = [&](const config::FilterOverrides& overrides) {
    const config::FilterOverride* const word = FindOverride(overrides, filter);
    return word == nullptr || !IsOf(*word, *own->config) ? nullptr : word->config.get();
  };
  if (of_route) {
    found[0] = config_of(route_->route->filter_overrides);
    found[1] = config_of(route_->virtual_host->filter_overrides);
  }
  if (of_table != nullptr) found[2] = config_of(*of_table);
  return found;
}

filter::FilterPart Stream::PartOf(const ChainFilter& filter) const {
  if (filter.feature && turned_off_.Has(*filter.feature)) return {.absent = true};
  const filter::FilterPart part = proxy::PartOf(*filter.config, route_, destination_.choice, table_overrides());
  if (part.mismatched) [[unlikely]] manager_->stats.filter_override_mismatched.Increment();
  return part;
}

std::string_view Stream::cluster_stat_name() const {
  return destination_.cluster ? std::string_view(destination_.cluster->config().stat_name) : std::string_view();
}

metadata::Annotations& Stream::annotations() {
  if (annotations_ == nullptr) annotations_ = arena_.New<metadata::Annotations>();
  return *annotations_;
}

access::Request Stream::AccessRequest() {
  const config::Metadata* const metadata = route_ == nullptr ? nullptr : route_->route->metadata.get();
  return {.connection = connection_.access_facts(),
          .head = request_,
          .client_ip = requester_.is_peer ? std::string_view() : requester_.ip,
          .notes = annotations_,
          .route_metadata = metadata == nullptr ? nullptr : &metadata->tree->value,
          .without_parameters = routes_ && routes_->table().config().ignore_path_parameters,
          .findings = &connection_.access_findings()};
}

const http::ResponseHead* Stream::response() const {
  return response_ != nullptr || chain_ == nullptr ? response_ : chain_->response().head();
}

void Stream::HoldRequest(bool hold) { hold ? PauseRequest(kFilter) : ResumeRequest(kFilter); }

void Stream::HoldResponse(bool hold) { hold ? PauseResponse(kFilter) : ResumeResponse(kFilter); }

// Also where upstream is to be asked (proxy_100_continue): it is not, before the body is there.
void Stream::OnRequestBodyWanted() {
  if (std::exchange(request_->expect_continue, false)) SendContinue();
}

void Stream::OnFilterReply(const filter::Reply& reply) { SendReply(reply); }

void Stream::OnRequestTooLarge() {
  manager().stats.downstream_rq_too_large.Increment();
  SendLocalReply(413, "Payload Too Large", ResponseFlag::kCount, "request_payload_too_large");
}

void Stream::OnResponseTooLarge() {
  SendLocalReply(500, "Internal Server Error", ResponseFlag::kCount, "response_payload_too_large");
}

void Stream::PrepareUpstreamHead(const UpstreamRequest& attempt) {
  SetAttemptFields(attempt.number());
  if (manager().manager.config().scheme_of_upstream) {
    request_->scheme = attempt.host()->transport()->tls == nullptr ? "http" : "https";
  }
  UseHostOf(attempt);
  if (chain_ == nullptr) return;
  chain_->OnAttempt(*request_, {.number = attempt.number(),
                                .cluster = destination_.cluster_name,
                                .host = attempt.host()->address_text(),
                                .time_left = AttemptTimeLeft(attempt)});
}

}  // namespace pillion::proxy
