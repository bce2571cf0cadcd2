// Who waits for a place: groups (orgs) in turn, in a group its members in turn, a member's own first come
// first served.
//
// So one caller's thousand requests hold up another's one by one of them, and an org's thousand principals
// hold up another org no more than one does. Whose turn it is but who may not be served (share.hpp) keeps the
// turn, and the next one is asked. All wait equally long, so the first of each caller is its oldest.
//
// The line is a chain of groups, each a chain of members, each a chain of what waits, linked through the
// waiting things themselves; the tables that find a caller's chain live in memory that is kept, so that in
// the long run waiting allocates nothing. As long as the line is at most the connections that clients may
// have.
#pragma once

#include "thin_gateway/caller.hpp"

#include <chrono>
#include <memory_resource>
#include <unordered_map>
#include <utility>
#include <vector>

namespace soup::gateway {

/// What can stand in a line derives from it.
template<class T>
struct InLine {
    Caller caller;
    std::chrono::steady_clock::time_point deadline;
    T* next = nullptr; ///< behind this one

private:
    InLine() = default;
    friend T;
};

template<class T>
class FairLine {
public:
    FairLine() = default;
    FairLine(const FairLine&) = delete;
    FairLine& operator=(const FairLine&) = delete;

    bool empty() const { return size_ == 0; }
    std::size_t size() const { return size_; }
    /// How many different callers wait.
    std::size_t callers() const { return members_.size(); }

    void push_back(T& waiting) { member_of(waiting).waiting.push_back(waiting); }
    /// In front of the caller's own.
    void push_front(T& waiting) { member_of(waiting).waiting.push_front(waiting); }

    /// The next one that may be served, or null; `may_serve` is asked of the first of each caller.
    template<class MayServe>
    T* pop(MayServe may_serve) {
        Group* group_before = nullptr;
        for (Group* group = groups_chain_.first; group; group_before = std::exchange(group, group->next)) {
            Member* member_before = nullptr;
            for (Member* member = group->members.first; member;
                 member_before = std::exchange(member, member->next)) {
                if (!may_serve(std::as_const(*member->waiting.first))) continue;
                T* const served = take_first(*member);
                end_turn(group->members, members_, member_before, *member, served->caller);
                end_turn(groups_chain_, groups_, group_before, *group, served->caller.group);
                return served;
            }
        }
        return nullptr;
    }
    T* pop() {
        return pop([](const T&) { return true; });
    }

    /// Those whose time is over; they are told once the line is in order again.
    std::vector<T*> take_late(std::chrono::steady_clock::time_point now) {
        std::vector<T*> late;
        while (T* const first = pop([now](const T& waiting) { return waiting.deadline <= now; }))
            late.push_back(first);
        return late;
    }
    std::vector<T*> take_all() { return take_late(std::chrono::steady_clock::time_point::max()); }

private:
    /// Things linked through their `next`.
    template<class Link>
    struct Chain {
        Link* first = nullptr;
        Link* last = nullptr;

        void push_back(Link& link) {
            link.next = nullptr;
            (last ? last->next : first) = &link;
            last = &link;
        }
        void push_front(Link& link) {
            link.next = first;
            first = &link;
            if (!last) last = &link;
        }
        void remove_behind(Link* before, Link& link) {
            (before ? before->next : first) = link.next;
            if (last == &link) last = before;
        }
    };
    struct Member {
        Chain<T> waiting;
        Member* next = nullptr;
    };
    struct Group {
        Chain<Member> members;
        Group* next = nullptr;
    };
    struct Hash { // of what are hashes already
        std::size_t operator()(const Caller& caller) const { return caller.group ^ caller.member; }
        std::size_t operator()(std::uint64_t group) const { return group; }
    };

    Member& member_of(const T& waiting) {
        const auto [group, is_new_group] = groups_.try_emplace(waiting.caller.group);
        if (is_new_group) groups_chain_.push_back(group->second);
        const auto [member, is_new] = members_.try_emplace(waiting.caller);
        if (is_new) group->second.members.push_back(member->second);
        ++size_;
        return member->second;
    }

    T* take_first(Member& member) {
        T* const first = member.waiting.first;
        member.waiting.remove_behind(nullptr, *first);
        --size_;
        return first;
    }

    static bool is_empty(const Member& member) { return !member.waiting.first; }
    static bool is_empty(const Group& group) { return !group.members.first; }

    /// Goes to the end, or away when nothing waits in it.
    template<class Link, class Table, class Key>
    static void end_turn(Chain<Link>& chain, Table& table, Link* before, Link& link, const Key& key) {
        chain.remove_behind(before, link);
        if (is_empty(link))
            table.erase(key);
        else
            chain.push_back(link);
    }

    std::pmr::unsynchronized_pool_resource memory_;
    std::pmr::unordered_map<Caller, Member, Hash> members_{&memory_};
    std::pmr::unordered_map<std::uint64_t, Group, Hash> groups_{&memory_};
    Chain<Group> groups_chain_;
    std::size_t size_ = 0;
};

} // namespace soup::gateway
