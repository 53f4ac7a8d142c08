#include "source/explain/request.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "source/base/block.h"
#include "source/config/route.h"
#include "source/explain/action.h"
#include "source/explain/asked.h"
#include "source/explain/decision.h"
#include "source/explain/degradation.h"
#include "source/explain/grey.h"
#include "source/explain/limits.h"
#include "source/explain/routes.h"
#include "source/explain/scope.h"
#include "source/explain/texts.h"
#include "source/filter/http_filter.h"
#include "source/filters/rbac/rbac.h"
#include "source/filters/request_context/request_context.h"
#include "source/filters/toggles/asked.h"
#include "source/proxy/filter_part.h"
#include "source/proxy/target.h"
#include "source/route/rewrite.h"

namespace pillion::explain {
namespace {

// What lies in the arena goes with it.
class Requests {
 public:
  Requests(const Question& question, Connection& connection, const config::HttpConnectionManager& config)
      : question_(question), connection_(connection), config_(config), ip_(connection.transport->remote_address().ip()) {}

  // The request as it is when its route is chosen by `table`, which may be null; `verdict`: whether its path is taken.
  Arrived Make(const route::Table* table, proxy::PathVerdict& verdict) {
    http::RequestHead& head = *arena_.New<http::RequestHead>(arena_);
    head.method = question_.method;
    head.method_id = http::FindMethod(head.method);
    head.scheme = connection_.secured ? "https" : "http";
    head.authority = question_.authority;
    head.path = question_.path;
    head.upgrade = question_.upgrade;
    for (const auto& [name, value] : question_.headers) head.headers.Add(name, value);
    net::Transport& transport = *connection_.transport;
    proxy::NormalizeAuthority(head, config_, transport.local_address().port());
    const proxy::Requester requester = proxy::Identify(head, config_, table == nullptr ? nullptr : &table->config(),
                                                       {.address = transport.remote_address(),
                                                        .ip = [this] { return std::string_view(ip_); },
                                                        .local_port = transport.local_address().port(),
                                                        .secured = connection_.secured});
    verdict = proxy::NormalizePath(head, config_);
    return {&head, requester};
  }

  base::Arena& arena() { return arena_; }

 private:
  const Question& question_;
  Connection& connection_;
  const config::HttpConnectionManager& config_;
  const std::string ip_;
  base::BlockPool blocks_;
  base::Arena arena_{blocks_};
};

match::StreamFacts FactsOf(const Connection& connection) {
  const bool known = connection.secured && connection.access.peer;
  return {.notes = nullptr,
          .certificate = known ? match::PeerCertificate::kValidated : match::PeerCertificate::kNone};
}

// What the context filter does with the request. That it is disabled does not keep it from strangers' fields.
std::string ContextVerdict(const filters::request_context::Config& own, const filter::FilterPart& part, Asked& asked) {
  namespace context = filters::request_context;
  const auto* const of_route = context::RouteConfig::Of(part.config);
  const bool disabled = part.absent || (of_route != nullptr && of_route->disabled);
  const bool trusted = own.settings().trust.Takes(asked.request().connection);
  if (trusted && disabled) return "disabled for this request";
  if (trusted) {
    asked.TakeContext(of_route == nullptr ? own.settings().read : of_route->read.value_or(own.settings().read));
    return "takes the sender's context as it is: he is trusted";
  }
  return fmt::format("{}replaces the sender's context, who is not trusted; the route is then chosen once more",
                     disabled ? "disabled for this request, but " : "");
}

// What filters make of the request.
struct Outcome {
  std::string reply;        // empty: all let it pass
  upstream::LaneWish lane;  // that filters or a toggle give it
  filter::FeatureSet off;   // what it turns off
};

void ApplyToggles(const filters::toggles::Config& own, const filters::toggles::Allow& allow, const Asked& asked,
                  Outcome& outcome, Answer& answer) {
  base::Arena& arena = asked.arena();
  const filters::toggles::Asked wanted =
      filters::toggles::ReadToggles(asked.request().head->headers, allow, own.settings().labels, arena);
  const auto text = [&](std::string_view name, std::string_view words) {
    if (!words.empty()) answer.Text(std::string(name), Quoted(words));
  };
  text("turns_off", wanted.OffText(arena));
  text("forces_lane", wanted.LaneText(arena));
  if (wanted.explain) answer.Flag("has_its_answer_explained", true);
  text("unknown", wanted.unknown.text());
  text("not_allowed", wanted.not_allowed.text());
  outcome.off = wanted.off;
  upstream::Label* const labels = arena.NewArray<upstream::Label>(wanted.labels.size());
  std::ranges::copy(wanted.labels, labels);
  outcome.lane.labels = {labels, wanted.labels.size()};
}

// What the request may toggle by its fields, and does.
std::string ToggleVerdict(const filters::toggles::Config& own, const filter::FilterPart& part, const Asked& asked,
                          Outcome& outcome, Answer& answer) {
  const bool trusted = own.settings().trust.Takes(asked.request().connection);
  const std::string_view disabled = "disabled for this request";
  if (!trusted) {
    return fmt::format("{}takes the sender's toggles away, who is not trusted",
                       part.absent ? fmt::format("{}, but ", disabled) : "");
  }
  if (part.absent) return std::string(disabled);
  const filters::toggles::Allow* const of_route = filters::toggles::RouteConfig::Of(part.config);
  const filters::toggles::Allow& allow = of_route == nullptr ? own.settings().allow : *of_route;
  ApplyToggles(own, allow, asked, outcome, answer);
  return fmt::format("the sender, who is trusted, may toggle {}", allow.Text());
}

bool IsTurnedOff(const config::HttpFilter& filter, filter::FeatureSet off) {
  const auto* const config = dynamic_cast<const filter::HttpFilterConfig*>(filter.config.get());
  return config != nullptr && config->feature() && off.Has(*config->feature());
}

// False: the filter answers the request.
bool AskFilter(const config::HttpFilter& filter, const filter::FilterPart& part, Asked& asked, uint64_t random,
               Outcome& outcome, Answer& answer) {
  answer.Text("filter", filter.name);
  if (IsTurnedOff(filter, outcome.off)) {
    answer.Text("verdict", "turned off by the request");
    return true;
  }
  if (const auto* const own = dynamic_cast<const filters::request_context::Config*>(filter.config.get())) {
    if (part.config != nullptr) answer.Flag("configured_by_route", true);
    answer.Text("verdict", ContextVerdict(*own, part, asked));
    return true;
  }
  if (const auto* const own = dynamic_cast<const filters::toggles::Config*>(filter.config.get())) {
    if (part.config != nullptr) answer.Flag("configured_by_route", true);
    answer.Text("verdict", ToggleVerdict(*own, part, asked, outcome, answer));
    return true;
  }
  if (part.absent) {
    answer.Text("verdict", "disabled for this request");
    return true;
  }
  if (part.config != nullptr) answer.Flag("configured_by_route", true);
  const config::FilterConfig* const config = part.config != nullptr ? part.config : filter.config.get();
  if (DescribeLimits(*filter.config, part.config, asked, answer)) return true;
  if (DescribeBreakers(*filter.config, part.config, answer)) return true;
  const upstream::LaneWish former = outcome.lane;
  if (const auto wish = DescribeGrey(*filter.config, part.config, asked, former, random, answer)) {
    outcome.lane = *wish;
    return true;
  }
  const auto* const rbac = dynamic_cast<const filters::rbac::Config*>(config);
  if (rbac == nullptr) {
    answer.Text("verdict", "asked when a request comes");
    return true;
  }
  const access::Request& request = asked.request();
  if (rbac->shadow().engine != nullptr) DescribeDecision("shadow", *rbac->shadow().engine, request, answer);
  if (rbac->enforced().engine != nullptr) return DescribeDecision("verdict", *rbac->enforced().engine, request, answer);
  answer.Text("verdict", "allowed: it has no rules");
  return true;
}

Outcome AskFilters(const config::HttpConnectionManager& config, const route::Table* table, const route::Entry* entry,
                   Asked& asked, uint64_t random, Answer::List& filters) {
  Outcome outcome;
  for (const config::HttpFilter& filter : config.http_filters) {
    const config::FilterOverrides* const overrides = table == nullptr ? nullptr : &table->config().filter_overrides;
    const filter::FilterPart part = proxy::PartOf(filter, entry, nullptr, overrides);
    if (filter.missing && !part.absent) {
      Answer& shown = filters.Object();
      shown.Text("filter", filter.name);
      shown.Text("verdict", "answers 500: its configuration has not come");
      if (outcome.reply.empty()) {
        outcome.reply = fmt::format("500: the configuration of filter {} has not come", filter.name);
      }
      continue;
    }
    if (!AskFilter(filter, part, asked, random, outcome, filters.Object()) && outcome.reply.empty()) {
      outcome.reply = fmt::format("403: filter {} denies it", filter.name);
    }
  }
  return outcome;
}

std::string DescribeRedirect(const route::Entry& entry, const http::RequestHead& head, Answer& answer) {
  const config::Redirect& redirect = *entry.redirect();
  const std::string location(route::RedirectLocation(redirect, entry.route->match, head));
  Answer& shown = answer.Object("redirect");
  shown.Number("status", redirect.status);
  shown.Text("location", location);
  return fmt::format("{}: redirected to {}", redirect.status, location);
}

std::string DescribeAction(const route::Entry& entry, const ActionContext& context, Answer& answer) {
  if (const config::DirectResponse* direct = entry.direct()) {
    Answer& shown = answer.Object("direct_response");
    shown.Number("status", direct->status);
    shown.Number("body_bytes", static_cast<int64_t>(direct->body.size()));
    return fmt::format("{}: the route answers itself", direct->status);
  }
  if (entry.forward == nullptr) return DescribeRedirect(entry, *context.arrive().head, answer);
  return DescribeForward(entry, context, answer);
}

// Before a route is chosen.
std::string RefusedByTarget(const Arrived& arrived, proxy::PathVerdict verdict) {
  if (arrived.head->method_id == http::Method::kTrace) return "405: TRACE is not allowed";
  if (verdict == proxy::PathVerdict::kRefused) return "400: the path cannot be normalised";
  if (verdict == proxy::PathVerdict::kRedirected) {
    return fmt::format("307: redirected to the normalised path {}", arrived.head->path);
  }
  return "";
}

std::string RefusedUpgrade(const proxy::ConnectionManager& manager, const route::Entry* entry,
                           const http::RequestHead& head) {
  const bool connects = entry != nullptr && entry->Has(route::Entry::kConnects);
  const std::string_view protocol = connects ? "connect" : head.upgrade;
  if (protocol.empty() || manager.AllowsUpgrade(protocol, entry == nullptr ? nullptr : entry->forward)) return "";
  return fmt::format("403: an upgrade to {} is not allowed", Quoted(protocol));
}

void DescribeRequest(const Question& question, const Arrived& arrived, bool edge_known, Answer& answer) {
  answer.Text("method", question.method);
  answer.Text("authority", std::string(arrived.head->authority));
  answer.Text("path", std::string(arrived.head->path));
  if (edge_known) answer.Flag("internal", arrived.requester.internal);
  if (!arrived.requester.is_peer) answer.Text("client", std::string(arrived.requester.ip));
}

}  // namespace

std::string ExplainRequest(const Question& question, const Running& running, Connection& connection,
                           const proxy::ConnectionManager& manager, Answer& answer) {
  const config::HttpConnectionManager& config = manager.config();
  Requests requests(question, connection, config);
  proxy::PathVerdict verdict;
  const bool scoped = config.scoped_routes != nullptr;
  // A table may take fields off that the scope goes by.
  std::shared_ptr<const proxy::Routes> routes =
      scoped ? RoutesOfScope(running, manager, *requests.Make(nullptr, verdict).head, nullptr) : running.routes(manager);
  const Arrived arrived = requests.Make(routes == nullptr ? nullptr : &routes->table, verdict);
  DescribeRequest(question, arrived, !config.internal_addresses.ranges.empty(), answer.Object("request"));
  if (scoped) routes = RoutesOfScope(running, manager, *arrived.head, &answer.Object("scope"));
  const route::Table* const table = routes == nullptr ? nullptr : &routes->table;
  if (const std::string refused = RefusedByTarget(arrived, verdict); !refused.empty()) return refused;

  const route::Entry* entry = nullptr;
  if (table == nullptr) {
    if (!scoped) answer.Text("no_route_table", "it has not come yet");
  } else {
    // The least number there is: of each fraction it is a part, so what chance may give is seen.
    entry = DescribeRoutes(*table, *arrived.head, question.random.value_or(0), FactsOf(connection), answer);
  }
  if (std::string next = scoped ? "" : running.next_routes(manager); !next.empty()) {
    answer.Text("next_route_table", std::move(next));
  }
  if (const std::string refused = RefusedUpgrade(manager, entry, *arrived.head); !refused.empty()) return refused;
  const config::Metadata* const metadata = entry == nullptr ? nullptr : entry->route->metadata.get();
  Asked asked({.connection = connection.access,
               .head = arrived.head,
               .client_ip = arrived.requester.is_peer ? std::string_view() : arrived.requester.ip,
               .route_metadata = metadata == nullptr ? nullptr : &metadata->tree->value,
               .without_parameters = table != nullptr && table->config().ignore_path_parameters},
              entry == nullptr ? std::string_view() : entry->route->name, running.now, requests.arena());
  const Outcome outcome =
      AskFilters(config, table, entry, asked, question.random.value_or(0), answer.Elements("http_filters"));
  const bool goes_on = entry != nullptr && (arrived.head->path.starts_with('/') || entry->Has(route::Entry::kConnects));
  const ActionContext context{.question = question,
                              .running = running,
                              .connection = connection,
                              .manager = manager,
                              .arrive = [&] {
                                proxy::PathVerdict same;
                                return requests.Make(table, same);
                              },
                              .lane = outcome.lane};
  const std::string action = goes_on ? DescribeAction(*entry, context, answer.Object("action")) : "404: no route fits";
  return outcome.reply.empty() ? action : outcome.reply;
}

}  // namespace pillion::explain
