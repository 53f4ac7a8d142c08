#include "source/xds/type_protocol.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "source/base/check.h"
#include "source/base/escape.h"
#include "source/base/xxhash64.h"

namespace pillion::xds {
namespace {

// Of what goes back to a control plane: it stands in a message, and in logs.
constexpr size_t kMostDetail = 4096;

std::string Quote(std::string_view text) { return "\"" + std::string(text) + "\""; }

// What is wrong with an answer.
class Errors {
 public:
  void Add(std::string_view error) {
    if (text_.size() > kMostDetail) {
      ++more_;
      return;
    }
    if (!text_.empty()) text_ += "; ";
    text_ += error;
  }
  bool empty() const { return text_.empty(); }
  std::string text() const {
    std::string text;
    base::AppendLine(text, text_, kMostDetail);
    if (more_ > 0) text += " and " + std::to_string(more_) + " more";
    return text;
  }

 private:
  std::string text_;
  size_t more_ = 0;
};

}  // namespace

// One answer on its way.
class TypeProtocol::Taking {
 public:
  Taking(TypeProtocol& protocol, const Answer& answer)
      : to_(protocol), answer_(answer), type_name_(protocol.type_url_.substr(kTypeUrlHost.size())), end_("/" + type_name_) {}

  std::string Run() {
    std::string errors = Judge();
    if (!refused_.empty()) to_.watcher_.OnRefused(refused_);
    return errors;
  }

 private:
  std::string Judge() {
    if (answer_.type_url != to_.type_url_) {
      errors_.Add("type_url: " + Quote(answer_.type_url) + ", expected " + Quote(to_.type_url_));
      return errors_.text();
    }
    // What was refused is not held, and so it comes again.
    if (std::exchange(to_.fresh_, false)) to_.refused_.Clear();
    FindNames();
    update_.version = answer_.version;
    bool signs_of_life = !answer_.items.empty() && answer_.removed.empty() && errors_.empty();
    for (size_t i = 0; i < answer_.items.size(); ++i) {
      if (names_[i].empty() || !to_.interest_.Wants(names_[i])) continue;
      signs_of_life &= answer_.items[i].body == nullptr;
      Consider(answer_.items[i], names_[i]);
    }
    if (signs_of_life) return errors_.text();
    FindRemoved();
    Give();
    return errors_.text();
  }

  // Of its body, which is there.
  bool RightType(const Answer::Item& item) const { return item.body->type_url().ends_with(end_); }

  void FindNames() {
    names_.reserve(answer_.items.size());
    count_.reserve(answer_.items.size());
    for (size_t i = 0; i < answer_.items.size(); ++i) {
      const Answer::Item& item = answer_.items[i];
      const bool readable = item.body != nullptr && RightType(item);
      names_.push_back(item.name.empty() && readable && answer_.form == Form::kState ? item.inner : item.name);
      if (!names_.back().empty()) {
        ++count_[names_.back()];
        continue;
      }
      unnamed_ = true;
      const std::string place = "resources[" + std::to_string(i) + "]";
      const std::string why = Wrong(item, "");
      errors_.Add(place + ": " + why);
    }
    for (const std::string& name : answer_.removed) removed_.insert(name);
  }

  // Empty: nothing is wrong as far as it can be told here.
  std::string Wrong(const Answer::Item& item, const std::string& name) const {
    if (!item.error.empty()) return item.error;
    if (item.body == nullptr) return name.empty() ? "no name" : "";
    if (!RightType(item)) return Quote(item.body->type_url()) + ", expected " + Quote(to_.type_url_);
    if (item.inner.empty()) return "bytes that are no " + type_name_ + " with a name";
    if (item.inner != name) return Quote(item.inner) + " inside, expected the same name";
    return "";
  }

  void Consider(const Answer::Item& item, const std::string& name) {
    const int count = std::exchange(count_[name], 0);
    if (count == 0) return;  // one that was refused, once more
    if (count > 1) return Refuse(name, "twice in one answer, expected once", item);
    if (removed_.contains(name)) return Refuse(name, "in resources and in removed_resources, expected in one", item);
    if (const std::string wrong = Wrong(item, name); !wrong.empty()) return Refuse(name, wrong, item);
    const Holdings::Held* const held = to_.holdings_.Find(name);
    if (item.body == nullptr) {
      to_.LiveOn(name, item.ttl);
      if (held != nullptr && (to_.form_ == Form::kState || held->version == item.version)) return;
      errors_.Add(Quote(name) + ": no resource, and version " + Quote(item.version) + " was not taken");
      return;
    }
    const uint64_t hash = base::XxHash64(item.body->value());
    Resource resource{.name = name,
                      .version = item.version,
                      .body = item.body,
                      .ttl = item.ttl,
                      .same = held != nullptr && held->hash == hash,
                      .answer_version = answer_.version};
    if (to_.observer_ != nullptr && !resource.same) {
      if (const std::string objection = to_.observer_->Objection(resource); !objection.empty()) {
        return Refuse(name, objection, item);
      }
    }
    hashes_.push_back(hash);
    update_.resources.push_back(std::move(resource));
  }

  void FindRemoved() {
    news_ = !std::ranges::all_of(update_.resources, &Resource::same);
    if (to_.form_ == Form::kDelta) {
      for (const std::string& name : removed_) {
        if (count_.contains(name) || StaysOn(name)) continue;  // refused
        to_.refused_.Erase(name);
        if (to_.interest_.all() ? to_.holdings_.Find(name) != nullptr : to_.interest_.Wants(name)) {
          update_.removed.push_back(name);
        }
      }
      return;
    }
    if (!to_.interest_.all() || unnamed_) return;
    for (const auto& [name, held] : to_.holdings_.all()) {
      if (!count_.contains(name) && !StaysOn(name)) update_.removed.push_back(name);
    }
    to_.refused_.Keep([this](const std::string& name) { return count_.contains(name) || stays_on_.contains(name); });
  }

  // That it goes is refused.
  bool StaysOn(const std::string& name) {
    if (to_.observer_ == nullptr || to_.holdings_.Find(name) == nullptr) return false;
    const std::string objection = to_.observer_->ObjectionToRemoval(name, news_);
    if (objection.empty()) return false;
    errors_.Add(Quote(name) + ": " + objection);
    to_.refused_.Set(name, objection, answer_.version, to_.clock_.WallNow(), nullptr);
    stays_on_.insert(name);
    return true;
  }

  void Give() {
    for (const Refusal& refusal : to_.Give(update_, hashes_)) {
      for (const std::string& error : refusal.errors) errors_.Add(Quote(refusal.name) + ": " + error);
    }
  }

  void Refuse(const std::string& name, const std::string& error, const Answer::Item& item) {
    errors_.Add(Quote(name) + ": " + error);
    to_.changes_.refused.Add(name);
    refused_.push_back(name);
    to_.refused_.Set(name, error, item.version, to_.clock_.WallNow(), item.body);
    if (item.error.empty()) to_.LiveOn(name, item.ttl);
  }

  TypeProtocol& to_;
  const Answer& answer_;
  const std::string type_name_;
  const std::string end_;  // of the type_url of a resource
  Errors errors_;
  std::vector<std::string> names_;  // of the items; empty: it can't be told
  absl::flat_hash_map<std::string, int> count_;  // how often a name is there; 0: it was considered
  Names removed_;
  Names stays_on_;
  bool news_ = false;  // there is something that is not held, and is not refused
  bool unnamed_ = false;  // there is an item without a name
  Update update_;
  std::vector<uint64_t> hashes_;  // of update_.resources
  std::vector<std::string> refused_;  // without asking the watcher
};

TypeProtocol::TypeProtocol(Form form, const std::string& type_name, bool all, TypeWatcher& watcher, const base::Clock& clock,
                           Observer* observer)
    : form_(form),
      type_url_(std::string(kTypeUrlHost) + type_name),
      watcher_(watcher),
      clock_(clock),
      observer_(observer),
      interest_(all),
      asking_(MakeAsking(form, type_url_)) {}

void TypeProtocol::Subscribe(const std::string& name) {
  PILLION_CHECK(!interest_.all());
  interest_.Add(name);
  holdings_.Erase(name);
  asking_->OnAdd(name);
}

void TypeProtocol::Unsubscribe(const std::string& name) {
  interest_.Remove(name);
  Erase(name, false);
  refused_.Erase(name);
  asking_->OnRemove(name);
}

void TypeProtocol::Begin() {
  interest_.Begin();
  asking_->Begin();
  fresh_ = true;
}

TypeProtocol::Request TypeProtocol::NextRequest(const Node* node) {
  Request request;
  request.names.assign(interest_.added().begin(), interest_.added().end());
  request.bytes = asking_->Request(interest_, holdings_, node);
  std::erase_if(request.names, [this](const std::string& name) { return interest_.added().contains(name); });
  return request;
}

std::string TypeProtocol::Take(const Answer& answer) {
  answered_ = true;
  changes_ = {};
  asking_->OnAnswer(answer);
  std::string errors = Taking(*this, answer).Run();
  if (errors.empty()) {
    version_ = answer.version;
    asking_->OnTaken(version_, interest_);
  }
  return errors;
}

std::string TypeProtocol::Reply(const std::string& nonce, const std::string& error, const Node* node) {
  return asking_->Reply(interest_, nonce, error, node);
}

std::vector<Refusal> TypeProtocol::Put(std::vector<Resource> resources, const std::vector<std::string>& removed) {
  Update update{.version = version_};
  std::vector<uint64_t> hashes;
  for (Resource& resource : resources) {
    if (!interest_.Wants(resource.name)) continue;
    hashes.push_back(base::XxHash64(resource.body->value()));
    const Holdings::Held* const held = holdings_.Find(resource.name);
    resource.same = held != nullptr && held->hash == hashes.back();
    resource.answer_version = resource.version;
    update.resources.push_back(std::move(resource));
  }
  for (const std::string& name : removed) {
    if (holdings_.Find(name) != nullptr) update.removed.push_back(name);
  }
  asking_->OnPut();
  changes_ = {};
  return Give(update, hashes);
}

std::vector<Refusal> TypeProtocol::Give(const Update& update, const std::vector<uint64_t>& hashes) {
  for (const std::string& name : update.removed) {
    const bool passed_over = watcher_.PassesOver(name);
    if (Erase(name, true) && !passed_over) changes_.removed.Add(name);
  }
  std::vector<Refusal> refusals = watcher_.OnUpdate(update);
  absl::flat_hash_map<std::string_view, const Refusal*> refused;
  for (const Refusal& refusal : refusals) refused.emplace(refusal.name, &refusal);
  for (size_t i = 0; i < update.resources.size(); ++i) {
    const Resource& resource = update.resources[i];
    if (!interest_.Wants(resource.name)) continue;  // any more
    if (const auto found = refused.find(resource.name); found != refused.end()) {
      Errors errors;
      for (const std::string& error : found->second->errors) errors.Add(error);
      changes_.refused.Add(resource.name);
      refused_.Set(resource.name, errors.text(), resource.version, clock_.WallNow(), resource.body);
      LiveOn(resource.name, resource.ttl);
      continue;
    }
    refused_.Erase(resource.name);
    const std::optional<Holdings::Held> before = holdings_.Erase(resource.name);
    Holdings::Held held{.version = resource.version, .hash = hashes[i], .body = resource.body, .taken = clock_.WallNow()};
    const bool same = before && before->hash == held.hash;
    if (same) held.taken = before->taken;
    if (watcher_.PassesOver(resource.name)) {
      if (!same) changes_.passed_over.Add(resource.name);
    } else if (!same) {
      (before ? changes_.changed : changes_.added).Add(resource.name);
    }
    holdings_.Set(resource.name, std::move(held), Until(resource.ttl));
    if (observer_ != nullptr) {
      observer_->OnChange(resource.name, before ? &*before : nullptr, holdings_.Find(resource.name), true);
    }
  }
  return refusals;
}

bool TypeProtocol::Erase(const std::string& name, bool wanted) {
  const std::optional<Holdings::Held> before = holdings_.Erase(name);
  if (before && observer_ != nullptr) observer_->OnChange(name, &*before, nullptr, wanted);
  return before.has_value();
}

// What was taken under that name, if anything. Also where what is spoken of is refused: who speaks of it wants it to live,
// and the last good one is not to end by that.
void TypeProtocol::LiveOn(const std::string& name, const std::optional<base::Duration>& ttl) {
  if (holdings_.Find(name) != nullptr) holdings_.Prolong(name, Until(ttl));
}

Holdings::Until TypeProtocol::Until(const std::optional<base::Duration>& ttl) const {
  return ttl ? Holdings::Until(clock_.MonotonicNow() + *ttl) : std::nullopt;
}

void TypeProtocol::Expire() {
  Update update{.version = version_};
  changes_ = {};
  for (auto& [name, held] : holdings_.Expire(clock_.MonotonicNow())) {
    if (observer_ != nullptr) observer_->OnChange(name, &held, nullptr, true);
    if (!watcher_.PassesOver(name)) changes_.removed.Add(name);
    update.removed.push_back(std::move(name));
  }
  if (update.removed.empty()) return;
  asking_->OnExpire();
  watcher_.OnUpdate(update);
}

}  // namespace pillion::xds
