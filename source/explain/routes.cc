#include "source/explain/routes.h"

#include <fmt/format.h>

#include "source/config/route.h"
#include "source/explain/texts.h"
#include "source/match/mismatch.h"

namespace pillion::explain {
namespace {

constexpr size_t kMostPassed = 50;  // routes that are shown with the reason why they are not taken

std::string DomainText(const config::Domain& domain) {
  switch (domain.kind) {
    case config::Domain::Kind::kExact:
      return domain.text;
    case config::Domain::Kind::kSuffix:
      return "*" + domain.text;
    case config::Domain::Kind::kPrefix:
      return domain.text + "*";
    case config::Domain::Kind::kAny:
      return "*";
  }
  return "";
}

void Name(size_t number, const config::Route& route, Answer& answer) {
  answer.Number("route", static_cast<int64_t>(number));
  if (!route.name.empty()) answer.Text("name", route.name);
}

// Why `route` is not taken.
std::string Reason(const config::Route& route, std::string_view path, const http::RequestHead& head,
                   const match::StreamFacts& facts) {
  if (const auto mismatch = match::FindMismatch(route.match, path, head, facts)) {
    return fmt::format("{} is {}; wanted: {}", mismatch->what, mismatch->given, mismatch->wanted);
  }
  const match::Fraction fraction = (route.match.fraction ? *route.match.fraction : match::RuntimeFraction()).Now();
  return fmt::format("fraction: {} of the requests, and by its random number this is none of them",
                     PercentText(fraction.numerator, fraction.denominator));
}

// Whether chance decides for some requests of this kind otherwise than for others.
bool IsByChance(const config::Route& route) {
  if (!route.match.fraction) return false;
  const match::Fraction fraction = route.match.fraction->Now();
  return fraction.numerator > 0 && fraction.numerator < fraction.denominator;
}

}  // namespace

const route::Entry* DescribeRoutes(const route::Table& table, const http::RequestHead& head, uint64_t random,
                                   const match::StreamFacts& facts, Answer& answer) {
  const config::RouteConfig& config = table.config();
  if (!config.name.empty()) answer.Text("route_table", config.name);
  const config::VirtualHost* const host = table.FindVirtualHost(head);
  if (host == nullptr) {
    answer.Text("no_virtual_host", fmt::format("none of {} is for {}", config.virtual_hosts.size(), Quoted(head.authority)));
    return nullptr;
  }
  Answer& shown = answer.Object("virtual_host");
  shown.Text("name", host->name);
  Answer::List& domains = shown.Elements("domains");
  for (size_t i = 0; i < host->domains.size() && i < kMostPassed; ++i) domains.Text(DomainText(host->domains[i]));
  if (host->domains.size() > kMostPassed) domains.Text(fmt::format("and {} more", host->domains.size() - kMostPassed));

  const route::Entry* const entry = table.Match(head, random, facts);
  const std::string_view path = table.ComparedPath(head);
  size_t end = 0;
  while (end < host->routes.size() && (entry == nullptr || host->routes[end].get() != entry->route)) ++end;
  if (entry != nullptr && end == host->routes.size()) {
    answer.Text("requires_tls", "no route was looked at: the virtual host takes such requests over TLS only");
    return entry;
  }
  Answer::List& passed = answer.Elements("not_taken");
  // The last ones before it: those are the ones that one would have expected.
  const size_t first = end > kMostPassed ? end - kMostPassed : 0;
  if (first > 0) passed.Text(fmt::format("routes 0 to {}, not shown", first - 1));
  for (size_t i = first; i < end; ++i) {
    Answer& why = passed.Object();
    Name(i, *host->routes[i], why);
    why.Text("why", Reason(*host->routes[i], path, head, facts));
  }
  if (entry == nullptr) {
    answer.Text("no_route", fmt::format("none of {} fits", host->routes.size()));
    return nullptr;
  }
  Answer& taken = answer.Object("route");
  taken.Number("number", static_cast<int64_t>(end));
  if (!entry->route->name.empty()) taken.Text("name", entry->route->name);
  taken.Text("path", match::PathText(entry->route->match));
  if (IsByChance(*entry->route)) {
    const match::Fraction fraction = entry->route->match.fraction->Now();
    taken.Text("fraction", fmt::format("{} of such requests; the others go on behind it",
                                       PercentText(fraction.numerator, fraction.denominator)));
  }
  return entry;
}

}  // namespace pillion::explain
